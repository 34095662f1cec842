"""Metadata of the distribution; tool tables are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
VERSION = re.search(r'^VERSION = "(.+)"', (ROOT / "xdn" / "version.py").read_text(), re.M).group(1)

GRAPH = ["grandalf>=0.8"]
HDF5 = ["h5py>=3.10"]
PLOTS = ["matplotlib>=3.8"]
#: A service over HTTP and gRPC.
SERVE = ["grpcio>=1.66", "httptools>=0.6", "starlette>=0.40", "uvicorn>=0.30"]
#: Clients of it that are not ours.
SERVE_TEST = ["grpcio-tools>=1.66", "tritonclient[grpc,http]>=2.41"]
#: Writes tables of results.
PARQUET = ["pyarrow>=15.0"]
RAY = [*PARQUET, "ray[data]>=2.40"]
TRAIN = [*PLOTS, "torch>=2.4"]
# Without PyTorch, whose Linux wheels bring gigabytes of CUDA: tests that need it are skipped where [train] is not.
TEST = [
    # Below 5: OpenCV 5 dropped the Caffe importer that serves as an oracle.
    "opencv-python-headless>=4.10,<5",
    "hypothesis>=6.100",
    "import-linter>=2.0",
    "jsonschema>=4.18",
    "mypy>=1.13",
    "onnxruntime>=1.20",
    "pillow>=10.0",
    "pytest>=8.0",
    "pytest-cov>=5.0",
    "pytest-xdist>=3.5",
    "ruff>=0.8",
    *GRAPH,
    *HDF5,
    *PLOTS,
]
#: Trained nets in ONNX, for a test and a benchmark; a wheel that takes another OpenCV beside the one that is needed.
ONNX_MODELS = ["rapidocr-onnxruntime>=1.3"]
BENCH = [
    "MNN>=3.0",
    # Batches, in ncnn and in its converter, are of 2026.
    "ncnn>=1.0.20261020",
    # Quantizes nets for OpenVINO.
    "nncf>=3.0",
    "onnxruntime>=1.20",
    "openvino>=2024.4",
    "pnnx>=20261020",
    *TRAIN,
]

#: What builds the site; jieba splits its Chinese pages into words, by which they are searched.
DOCS = ["jieba>=0.42", "mkdocs-material>=9.5"]

setup(
    name="xdn",
    version=VERSION,
    description="Run Caffe networks on CPUs with machine code generated for the network and the processor",
    long_description=(ROOT / "README.md").read_text() if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=[*find_packages(include=["xdn", "xdn.*"]), "xdn.shipped"],
    # The networks lie at the root as text to be read; in an installation they are data of the package.
    package_dir={"xdn": "xdn", "xdn.shipped": "prototxt"},
    package_data={
        "xdn": ["py.typed", "report/*.json", "report/page/templates/*", "serve/grpc/*.proto"],
        "xdn.shipped": ["*.md", "*/*"],
    },
    install_requires=[
        "numpy>=1.26",
        "numba>=0.61",
        "protobuf>=5.26",
        "opencv-python-headless>=4.10",
        "onnx>=1.16",
        "jinja2>=3.1",
        "markupsafe>=2.1",
        "scipy>=1.11",
        "rich>=14.1",
        "psutil>=5.9",
        "threadpoolctl>=3.1",
    ],
    extras_require={
        "test": TEST,
        "bench": BENCH,
        "graph": GRAPH,
        "hdf5": HDF5,
        "parquet": PARQUET,
        "ray": RAY,
        "serve": SERVE,
        "serve-test": SERVE_TEST,
        "train": TRAIN,
        "onnx-models": ONNX_MODELS,
        "docs": DOCS,
    },
    entry_points={
        "console_scripts": [
            "xdn-completion = xdn.cli.entry:completion",
            "xdn-optimize = xdn.cli.entry:optimize",
            "xdn-run = xdn.cli.entry:run",
            "xdn-pack = xdn.cli.entry:pack",
            "xdn-inspect = xdn.cli.entry:inspect",
            "xdn-train = xdn.cli.entry:train",
            "xdn-tune = xdn.cli.entry:tune",
            "xdn-report = xdn.cli.entry:report",
            "xdn-serve = xdn.cli.entry:serve",
        ]
    },
    classifiers=[
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
    ],
)
