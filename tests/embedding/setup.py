from Cython.Build import cythonize
from setuptools import Extension, setup

import framewire

calls = Extension("calls", ["calls.pyx"], include_dirs=[framewire.get_include()])
setup(name="calls", ext_modules=cythonize([calls], language_level=3))
