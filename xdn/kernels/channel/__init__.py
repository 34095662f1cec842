"""Kernels of the channel schedule: blobs lie as [N][H][W][C'], vectors hold channels of one position.

Every kernel computes only its member's part of a step: threads that share an image run the same steps, each a part of
every one (`xdn/kernels/driver.py`).
"""
