"""What must hold of every registered layer type."""

import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

import xdn.layers
from tests.layers.opencv import schema
from xdn.graph import ChannelRule
from xdn.layers.base import LAYERS

TYPES = sorted({cls.type: cls for _, cls in LAYERS.items()}.items())
Proto = descriptor_pb2.FieldDescriptorProto

#: Messages that OpenCV's caffe.proto lacks, and whose they are.
FOREIGN_MESSAGES = {
    "BNParameter": "the forks' of PSPNet and SegNet, each with its own; ours is both",
    "AccumParameter": "FlowNet2's",
    "AugmentationParameter": "FlowNet2's",
    "BoxOutputParameter": "MS-CNN's",
    "BatchReductionParameter": "PSPNet's, and that of temporal segment networks",
    "BinaryParameter": "ours: what ONNX models compute",
    "CTCDecoderParameter": "ChWick's fork's",
    "ChannelNormParameter": "FlowNet2's, which has no message for it",
    "ChannelScaleParameter": "happynear's fork's",
    "ClipParameter": "Caffe's of 2018, newer than OpenCV's copy",
    "ClusterDetectionsParameter": "ours: in DetectNet's files it is Python",
    "CombineRegressionsParameter": "ours: in DenseReg's files it is Python",
    "CompactBilinearParameter": "that of compact bilinear pooling's Caffe",
    "ComparisonParameter": "ours, as BinaryParameter",
    "ContinuationIndicatorParameter": "Intel's and CC4.0's",
    "CorrelationParameter": "FlowNet's",
    "DeephiResizeParameter": "Vitis AI's",
    "DeformableConvolutionParameter": "the forks' with Deformable ConvNets",
    "DenseBlockParameter": "Tongcheng's fork's",
    "DenseCRFParameter": "DeepLab's",
    "DepthToSpaceParameter": "Synopsys'",
    "DotProductAttentionParameter": "ours: what encoders compute",
    "DownsampleParameter": "FlowNet's",
    "FlipParameter": "happynear's fork's",
    "FlowWarpParameter": "FlowNet2's",
    "GeluParameter": "ours",
    "GroupNormParameter": "several forks'",
    "HyperColumnsParameter": "JiangQH's fork's",
    "ImResizeParameter": "rtpose's",
    "InnerDistanceParameter": "happynear's fork's",
    "InterpParameter": "the forks' of DeepLab and PSPNet",
    "LayerNormParameter": "ours",
    "LocalParameter": "several forks', happynear's among them",
    "LstmParameter": "junhyukoh's fork's, and those of the forks that read text",
    "MatMulParameter": "ours",
    "MeanParameter": "FlowNet's, and that of a fork with a scale",
    "MultiStageMeanfieldParameter": "CRF-RNN's",
    "NmsParameter": "rtpose's",
    "PSROIAlignParameter": "that of branches of R-FCN's Caffe",
    "PadParameter": "several forks', each with its own; ours has the fields of all but those of Synopsys'",
    "QuantizeParameter": "ours",
    "RegionParameter": "Intel's training toolbox's",
    "ReorgParameter": "the ports' of YOLOv2",
    "ReverseParameter": "the forks' that read text",
    "ShuffleChannelParameter": "the ports' of ShuffleNet",
    "ROIAlignParameter": "the ports' of Mask R-CNN",
    "ResampleParameter": "FlowNet2's",
    "ResizeLayerParameter": "several forks', happynear's among them, where it is called as SSD's of data layers",
    "SpatialTransformerParameter": "daerduoCarey's fork's, and those that took it over",
    "SparsifyParameter": "Wen's fork's",
    "SwishParameter": "Caffe's of 2018, newer than OpenCV's copy",
    "TakeParameter": "ours, as BinaryParameter",
    "TextProposalParameter": "ours: in CTPN's files it is Python",
    "UnpoolingParameter": "the forks' of DeconvNet and extended-caffe, each with its own; ours is both",
    "NonMaxSuppressionParameter": "ours, as BinaryParameter",
    "PutParameter": "ours, as BinaryParameter",
    "UnaryParameter": "ours, as BinaryParameter",
    "UpsampleParameter": "the forks' of SegNet and the ports' of YOLOv3",
    "YoloDetectionOutputParameter": "MobileNet-YOLO's",
    "Yolov3DetectionOutputParameter": "MobileNet-YOLO's",
}
#: Messages that OpenCV's caffe.proto has under a name of its own.
OPENCV_NAMES = {"NormalizeParameter": "NormalizeBBoxParameter"}
#: Fields of LayerParameter that OpenCV's caffe.proto gives other numbers, and whose ours are.
OTHER_NUMBERS = {
    "detection_output_param": "SSD's",
    "norm_param": "SSD's",
    "permute_param": "SSD's",
    "prior_box_param": "SSD's",
    "proposal_param": "from 2000 on our own: branches of Caffe gave different ones, and a file's text shows none",
    "psroi_pooling_param": "from 2000 on our own",
    "roi_pooling_param": "from 2000 on our own",
}
#: Fields that OpenCV's caffe.proto lacks or numbers otherwise, with the reason.
NOT_IN_OPENCV = {
    ("BatchNormParameter", "scale_filler"): "NVIDIA's; of its fields OpenCV has scale_bias only",
    ("BatchNormParameter", "bias_filler"): "NVIDIA's",
    ("BatchNormParameter", "filler"): "Intel's",
    ("BatchNormParameter", "engine"): "NVIDIA's",
    ("BatchNormParameter", "add_eps_before_sqrt"): "Synopsys'",
    ("CropParameter", "centred"): "our own: what MergeCrop needs",
    ("DetectionOutputParameter", "objectness_score"): "RefineDet's",
    ("DetectionOutputParameter", "visualize"): "SSD's, 10 there, which OpenCV gave to normalized_bbox",
    ("DetectionOutputParameter", "visualize_threshold"): "SSD's",
    ("DetectionOutputParameter", "save_file"): "SSD's",
    ("DetectionOutputParameter", "use_polygon"): "TextBoxes++'s",
    **{("DetectionOutputParameter", name): "Intel's" for name in ("normalized", "input_width", "input_height")},
    ("InnerProductParameter", "normalize"): "happynear's",
    ("MVNParameter", "add_eps_before_sqrt"): "Synopsys'",
    ("NormalizeParameter", "norm"): "our own: what tells the layer of happynear's fork is in another message",
    ("NormalizeParameter", "scaled"): "our own: as norm",
    ("DropoutParameter", "sample_weights_test"): "Bayesian SegNet's",
    ("SPPParameter", "spatial_bin"): "our own: an older branch's, whose message was another",
    ("ROIPoolingParameter", "pad_ratio"): "MS-CNN's",
    ("PriorBoxParameter", "denser_prior_boxes"): "TextBoxes++'s",
    ("PriorBoxParameter", "densified"): "our own: FaceBoxes, whose boxes differ, has no field for that",
    ("PriorBoxParameter", "width"): "of PriorBoxClustered; next to SSD's fields, where OpenCV put offset_h",
    ("PriorBoxParameter", "height"): "as width; OpenCV put offset_w there",
    ("PoolingParameter", "round_mode"): "a field of newer Caffe, 13 there",
    ("PoolingParameter", "ceil_mode"): "OpenCV gives it 13, which Caffe gave to round_mode",
    **{("PoolingParameter", f"pad_{side}"): "Synopsys'" for side in ("t", "b", "l", "r", "type")},
    ("PoolingParameter", "dilation"): "Greentea's",
    **{("RecurrentParameter", name): "Synopsys'" for name in ("continue_recur", "default_initial")},
    **{("RecurrentParameter", name): "Synopsys'" for name in ("tf_rnn", "linear_before_reset")},
    ("PoolingParameter", "count_padding"): "our own: Synopsys' caffe.proto has methods for that",
    ("SPPParameter", "count_padding"): "as Pooling's",
}
#: Fields whose default is another one in OpenCV's caffe.proto, with the reason.
OTHER_DEFAULTS = {("PriorBoxParameter", "clip"): "false in SSD's caffe.proto"}
#: Fields that stand once in OpenCV's caffe.proto and may be repeated here, with the reason.
REPEATED = {
    ("PoolingParameter", name): "once for each axis of positions, as branches of Caffe that pool volumes have it"
    for name in ("kernel_size", "stride", "pad")
}
#: Values of enums that OpenCV's caffe.proto lacks, with the reason.
OTHER_VALUES = {
    ("DetectionOutputParameter", "code_type", "CORNER_SIZE"): "SSD's",
    ("EltwiseParameter", "operation", "MIN"): "Synopsys'",
    ("EltwiseParameter", "operation", "DIV"): "Synopsys'",
    **{
        (message, "pool", method): "Synopsys'"
        for message in ("PoolingParameter", "SPPParameter")
        for method in ("AVE_EXC_PAD", "AVE_TF")
    },
}
CODES = {
    "bool": Proto.TYPE_BOOL,
    "int32": Proto.TYPE_INT32,
    "uint32": Proto.TYPE_UINT32,
    "float": Proto.TYPE_FLOAT,
    "string": Proto.TYPE_STRING,
    "enum": Proto.TYPE_ENUM,
}


def test_every_file_has_its_test():
    here = Path(__file__).parent
    sources = {path.stem for path in Path(xdn.layers.__file__).parent.glob("*.py")} - {"__init__"}
    assert sources - {path.stem.removeprefix("test_") for path in here.glob("test_*.py")} == set()


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_one_file_a_type(name, cls):
    assert cls.__module__ == f"xdn.layers.{name.lower()}"


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_documented(name, cls):
    assert re.match(rf"{cls.__name__}: .+[.:)]", cls.__doc__ or "")
    assert LAYERS[name] is cls
    for rule in (cls.infer, cls.reference):
        assert rule.__doc__


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_an_absent_message_has_every_default(name, cls):
    params = cls()
    assert isinstance(params.channel_rule, ChannelRule)
    for field, described in cls.proto_fields().items():
        assert getattr(params, field) == described.default


def _message(name):
    """Return the message in OpenCV's schema, None where that has none of this name."""
    return next((message for message in schema().message_type if message.name == name), None)


def _default(field):
    """Return a field's default in OpenCV's schema, as Python writes it; None where it states none."""
    if not field.HasField("default_value"):
        return None
    if field.type == Proto.TYPE_BOOL:
        return field.default_value == "true"
    return field.default_value if field.type == Proto.TYPE_ENUM else float(field.default_value)


def _values(field):
    """Return name -> number of the enum of a field in OpenCV's schema."""
    *_, owner, name = field.type_name.split(".")
    enum = next(enum for enum in _message(owner).enum_type if enum.name == name)
    return {value.name: value.number for value in enum.value}


WITH_MESSAGE = [(name, cls) for name, cls in TYPES if cls.message is not None]


def _fields(cls):
    """Return name -> field of a type's message: those that the type keeps and those that it accepts."""
    return cls.proto_fields() | dict(cls.unused)


@pytest.mark.parametrize(("name", "cls"), WITH_MESSAGE)
def test_the_layers_message_is_caffes(name, cls):
    """Where a layer's message stands: name and numbers agree with the caffe.proto that OpenCV's library holds."""
    message = cls.message
    theirs = None if message.name in FOREIGN_MESSAGES else OPENCV_NAMES.get(message.name, message.name)
    numbers = {"LayerParameter": message.number, "V1LayerParameter": message.v1_number}
    for owner, number in numbers.items():
        known = {field.number: field for field in _message(owner).field if field.name == message.field}
        assert [field.type_name.rpartition(".")[2] for field in known.values()] == [theirs] * len(known)
        if owner == "LayerParameter" and message.field in OTHER_NUMBERS:
            assert set(known) != {number}
        else:
            assert set(known) == ({number} if number and theirs else set())


@pytest.mark.parametrize(
    "cls", [c for _, c in WITH_MESSAGE if c.message.name not in FOREIGN_MESSAGES], ids=lambda cls: cls.type
)
def test_the_fields_are_caffes(cls):
    """Names, numbers, types and defaults agree with the caffe.proto that OpenCV's library holds."""
    name = cls.message.name
    theirs = {field.name: field for field in _message(OPENCV_NAMES.get(name, name)).field}
    for field, ours in _fields(cls).items():
        if (name, field) in NOT_IN_OPENCV:
            continue
        other = theirs[field]
        assert (field, ours.number) == (field, other.number)
        assert ours.repeated == (other.label == Proto.LABEL_REPEATED or (name, field) in REPEATED)
        assert CODES.get(ours.type, Proto.TYPE_MESSAGE) == other.type
        if CODES.get(ours.type) is None:
            assert other.type_name.rpartition(".")[2] == ours.type
        if ours.type == "enum":
            more = {value for message, of, value in OTHER_VALUES if (message, of) == (name, field)}
            assert {value: number for value, number in ours.values.items() if value not in more} == _values(other)
        if (name, field) not in {*OTHER_DEFAULTS, *REPEATED} and field in cls.proto_fields():
            assert None in (ours.default, _default(other)) or ours.default == _default(other)


def test_no_exception_is_needless():
    """Each message, field, default and value above is ours, and OpenCV's says otherwise, or nothing."""
    messages = {}
    for _, cls in WITH_MESSAGE:  # Several types may share a message.
        messages.setdefault(cls.message.name, {}).update(_fields(cls))
    assert not [name for name in FOREIGN_MESSAGES if name not in messages or _message(name) is not None]
    assert not [name for name in OPENCV_NAMES if name not in messages or _message(name) is not None]
    assert set(OTHER_NUMBERS) <= {cls.message.field for _, cls in WITH_MESSAGE}
    for name, field, *values in (*NOT_IN_OPENCV, *OTHER_DEFAULTS, *OTHER_VALUES, *REPEATED):
        ours = messages[name][field]
        other = next((each for each in _message(OPENCV_NAMES.get(name, name)).field if each.name == field), None)
        if values:
            assert values[0] in set(ours.values) - set(_values(other))
        elif (name, field) in REPEATED:
            assert ours.repeated
            assert other.label != Proto.LABEL_REPEATED
        elif (name, field) in OTHER_DEFAULTS:
            assert ours.default != _default(other)
        else:
            assert other is None or other.number != ours.number


def test_v1_names_are_caffes():
    enum = next(e for e in _message("V1LayerParameter").enum_type if e.name == "LayerType")
    known = {value.name for value in enum.value}
    named = {cls.v1_name for _, cls in TYPES if cls.v1_name}
    assert named <= known
    # None is left out: every V1 name that looks like a type of ours is one.
    assert {cls.type.upper() for _, cls in TYPES} & known <= named
