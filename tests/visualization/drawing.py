import numpy as np
from PIL import Image


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def colours_in(path):
    return {tuple(pixel) for pixel in np.unique(pixels(path).reshape(-1, 3), axis=0).tolist()}
