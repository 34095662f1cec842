"""What files say of the images that a net reads: mean images, shapes, transforms."""
