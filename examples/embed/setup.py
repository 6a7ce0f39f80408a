from Cython.Build import cythonize
from setuptools import Extension, setup

import framewire

relay = Extension("relay", ["relay.pyx"], include_dirs=[framewire.get_include()])
setup(name="relay", ext_modules=cythonize([relay], language_level=3))
