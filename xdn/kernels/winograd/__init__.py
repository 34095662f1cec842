"""3x3 convolution by Winograd's minimal filtering, in both schedules."""
