"""Small nets in every format of prototxt that is read, with every layer type: what the fuzzer changes."""

from functools import cache

from xdn.frontend.caffe.text import Message, prototxt
from xdn.layers.base import LAYERS

#: The net whose weights are fuzzed, and which the prototxts vary.
NET = """name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 6 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 pad: 1 group: 2 bias_term: true weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" batch_norm_param { eps: 1e-3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.1 } }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 3 }
  xdn_param { int8 { scale: 0.25 signed: true } } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""

_TRAINING = """name: 'train' state { phase: TEST stage: "deploy" }
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { scale: 0.0039 mirror: true crop_size: 8 mean_value: 104 mean_value: 117 mean_value: 123 }
  data_param { source: "cifar" batch_size: 100 backend: LMDB cudnn_prefetch: 3 } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" param { name: "w" lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 4 kernel_h: 3 kernel_w: 1 stride: 2 dilation: 2 engine: MKL2017 } }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 2 stride: 1 } }
layer { name: "n" type: "LRN" bottom: "p" top: "n" lrn_param { local_size: 3 alpha: 1e-4 beta: .75 } }
layer { name: "s" type: "Slice" bottom: "n" top: "s1" top: "s2" slice_param { axis: 1 slice_point: 2 } }
layer { name: "e" type: "Eltwise" bottom: "s1" bottom: "s2" top: "e" eltwise_param { operation: SUM coeff: [1, -1] } }
layer { name: "f" type: "InnerProduct" bottom: "e" top: "f" inner_product_param { num_output: 10 axis: 1 } }
layer { name: "acc" type: "Accuracy" bottom: "f" bottom: "label" top: "acc" include: { stage: "deploy" } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "f" bottom: "label" top: "loss" loss_weight: 0.3 }
"""
_V1 = """input: "data" input_dim: 1 input_dim: 3 input_dim: 0x10 input_dim: 020
layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2 weight_decay: 1
  convolution_param < num_output: 4; kernel_size: 5, pad: 2 > }
layers: [{ name: "r" type: RELU bottom: "c" top: "c" }, { name: "t" type: TANH bottom: "c" top: "t" }]
"""
_V0 = """name: "v0" input: "data" input_shape { dim: [1, 3, 12, 12] }
layers { layer { name: "pad" type: "padding" pad: 1 } bottom: "data" top: "pad" }
layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 3 stride: 1 biasterm: false } bottom: "pad" top: "c" }
layers { layer { name: "i" type: "innerproduct" num_output: 5 } bottom: "c" top: "i" }
"""
_SHAPING = """# axes and shapes
layer { name: "in" type: "Input" top: "a" top: "b" input_param { shape: { dim: 2 dim: 4 dim: 6 } } }
layer { name: "cat" type: "Concat" bottom: "a" bottom: "b" top: "cat" concat_param { axis: -1 } }
layer { name: "re" type: "Reshape" bottom: "cat" top: "re"
  reshape_param { shape { dim: 0 dim: -1 } axis: 1 num_axes: 2 } }
layer { name: "fl" type: "Flatten" bottom: "re" top: "fl" }
layer { name: "sc" type: "Scale" bottom: "fl" top: "sc" scale_param { bias_term: true axis: 1 } }
layer { name: "dr" type: "Dropout" bottom: "sc" top: "sc" dropout_param { dropout_ratio: 0.5 } }
layer { name: "po" type: "Power" bottom: "sc" top: "po" power_param { power: 2 scale: 1 shift: -inf } }
"""
_FORKS = """layer { name: "image" type: "VideoData" top: "data" top: "label"
  transform_param { crop_size: 32 } video_param { x: [1, 2] } }
layer { name: "bn" type: "BN" bottom: "data" top: "bn" bn_param { scale_filler { value: 1 } bn_mode: INFERENCE } }
layer { name: "up" type: "Upsample" bottom: "bn" top: "up" upsample_param { scale: 2 } }
layer { name: "ip" type: "Interp" bottom: "up" top: "ip" interp_param { height: 33 width: 33 } }
layer { name: "ax" type: "Permute" bottom: "ip" top: "ax" permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "pb" type: "PriorBox" bottom: "up" bottom: "data" top: "pb"
  prior_box_param { min_size: 4 max_size: 8 aspect_ratio: 2 flip: true clip: false variance: 0.1 } }
layer { name: "q" type: "ReLU6" bottom: "ax" top: "q" engine: "CAFFE" }
layer { name: "t" type: "TanH" bottom: "q" top: "t" quantization_param { bits: 8 } }
"""
_FILMS = """name: "films"
layers { name: "d" type: VIDEO_DATA top: "d" top: "label" image_data_param { crop_size: 8 new_length: 4 } }
layers { name: "c" type: CONVOLUTION3D bottom: "d" top: "c"
  convolution_param { num_output: 2 kernel_size: 3 kernel_depth: 3 pad: 1 temporal_pad: 1 filter_group: 1 } }
layers { name: "p" type: POOLING3D bottom: "c" top: "p"
  pooling_param { pool: MAX kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1 } }
layers { name: "u" type: DECONVOLUTION3D bottom: "p" top: "u"
  convolution_param { num_output: 2 kernel_size: 4 kernel_depth: 1 stride: 2 pad: 1 } }
layers { name: "v" type: VOXEL_SOFTMAX bottom: "u" top: "v" }
"""
_VOLUMES = """input: "data" input_shape { dim: 1 dim: 2 dim: 4 dim: 5 dim: 6 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 2 kernel_size: 3 kernel_size: 1 kernel_size: 2 pad: [1, 0, 1] dilation: 1 } }
layer { name: "t" type: "Convolution3D" bottom: "c" top: "t"
  convolution3d_param { num_output: 3 kernel_size: 1 kernel_depth: 2 stride: 2 temporal_stride: 1 bias_term: false } }
layer { name: "p" type: "Pooling" bottom: "t" top: "p" pooling_param { pool: AVE global_pooling: true } }
"""
_PYTHON = r"""input: "p" input: "d" input: "i"
input_shape { dim: [1, 6, 4, 5] } input_shape { dim: [1, 12, 4, 5] } input_shape { dim: [1, 3] }
layer { name: "r" type: "Python" bottom: "p" bottom: "d" bottom: "i" top: "r" python_param { module: "rpn"
  layer: "ProposalLayer" param_str: "'feat_stride': 16 # b\n'scales': !!python/tuple\n- 4\nratios: (0.5, 1, 2.0e+0)" } }
layer { name: "n" type: "Normalize" bottom: "p" top: "n" softmax_param { normalize_type: "L1" } }
"""
_INTEGERS = """input: "data" input_shape { dim: 1 dim: 4 dim: 6 dim: 5 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 2 } xdn_param { int8 { scale: 0.5 signed: true } } }
layer { name: "m" type: "Pooling" bottom: "c" top: "m" pooling_param { kernel_size: 3 stride: 1 pad: 1 } }
layer { name: "p" type: "Convolution" bottom: "m" bottom: "c" top: "p"
  convolution_param { num_output: 4 kernel_size: 1 }
  xdn_param { activation: "PReLU" projection { num_output: 4 kernel_size: 1 } }
  xdn_param { int8 { scale: 0.25 } }
  xdn_param { int8 { scale: 3e-2 } } }
layer { name: "e" type: "Eltwise" bottom: "p" bottom: "c" bottom: "m" top: "e" eltwise_param { coeff: [1, -2, 0.5] }
  xdn_param { int8 { scale: 1 } int8: [{ scale: 2 signed: true }, { scale: 1e-20 }] } }
layer { name: "a" type: "Pooling" bottom: "e" top: "a" pooling_param { pool: AVE global_pooling: true }
  xdn_param { int8 { scale: 8 } } }
layer { name: "q" type: "Quantize" bottom: "a" top: "q" quantize_param { scale: 0.125 signed: true } }
layer { name: "d" type: "Deconvolution" bottom: "q" top: "d" convolution_param { num_output: 2 kernel_size: 2 }
  xdn_param { int8 { scale: 0.125 signed: true } } }
"""
_SEQUENCES = """input: "x" input_shape { dim: [6, 2, 4] } input: "cont" input_shape { dim: [6, 2] }
input: "s" input_shape { dim: [2, 3] }
input: "h" input_shape { dim: [1, 2, 5] } input: "k" input_shape { dim: [1, 2, 5] }
layer { name: "g" type: "GRU" bottom: ["x", "s", "h"] top: ["g", "gh"]
  recurrent_param { num_output: 5 expose_hidden: true continue_recur: true linear_before_reset: 1 } }
layer { name: "g0" type: "GRU" bottom: ["g", "cont"] top: "g0" recurrent_param { num_output: 2 } }
layer { name: "r0" type: "RNN" bottom: "g0" bottom: "cont" top: "r0" recurrent_param { num_output: 3 tf_rnn: true } }
layer { name: "l" type: "LSTM" bottom: ["x", "cont", "s", "h", "k"] top: ["l", "lh", "lk"]
  recurrent_param { num_output: 5 expose_hidden: true weight_filler { type: "uniform" } } }
layer { name: "r" type: "RNN" bottom: "l" bottom: "cont" top: "r" recurrent_param { num_output: 3 } }
layer { name: "rev" type: "Reverse" bottom: "r" top: "rev" reverse_param { axis: 0 } }
layer { name: "f" type: "Lstm" bottom: "rev" top: "f" lstm_param { num_output: 4 } }
layer { name: "fc" type: "InnerProduct" bottom: "f" top: "fc" inner_product_param { num_output: 7 axis: 2 } }
"""
_DETECTORS = """input: "a" input_shape { dim: [2, 16, 4, 6] } input: "b" input_shape { dim: [2, 16, 2, 3] }
layer { name: "p" type: "Pooling" bottom: "a" top: "p" pooling_param { kernel_size: 2 stride: 1 dilation: 2 pad: 1 } }
layer { name: "s" type: "Pooling" bottom: "a" top: "s"
  pooling_param { kernel_size: 3 stride: 2 pad_t: 1 pad_b: 0 pad_l: 2 pad_r: 1 ceil_mode: false } }
layer { name: "pad" type: "Pad" bottom: "a" top: "pad" pad_param { pad_t: 1 pad_b: 0 pad_l: 2 pad_r: 3 } }
layer { name: "g" type: "GroupNorm" bottom: "a" top: "g" group_norm_param { group_num: 4 eps: 1e-3 } }
layer { name: "v2" type: "YoloDetectionOutput" bottom: "g" top: "v2" yolo_detection_output_param {
  num_classes: 3 num_box: 2 confidence_threshold: 0.3 nms_threshold: 0.4 biases: [1.2, 2.5, 3.1, 1.7] } }
layer { name: "v3" type: "Yolov3DetectionOutput" bottom: "b" bottom: "a" top: "v3" yolov3_detection_output_param {
  num_classes: 3 num_box: 2 biases: [10, 13, 16, 30, 33, 23, 30, 17] mask: [2, 0, 1, 3] anchors_scale: [32, 16]
  mask_group_num: 2 confidence_threshold: 0.5 } }
layer { name: "re" type: "Region" bottom: "b" top: "re" region_param { classes: 3 coords: 4 num: 2 } }
layer { name: "l" type: "Flatten" bottom: "b" top: "l" }
layer { name: "pb" type: "PriorBoxClustered" bottom: "b" bottom: "a" top: "pb" prior_box_param {
  width: [8, 12] height: [9, 4] step: 16 offset: 0.5 variance: [0.1, 0.1, 0.2, 0.2] } }
layer { name: "lc" type: "Slice" bottom: "l" top: "l1" top: "l2" slice_param { axis: 1 slice_point: 48 } }
layer { name: "cf" type: "Slice" bottom: "l2" top: "c1" top: "c2" slice_param { axis: 1 slice_point: 24 } }
layer { name: "d" type: "DetectionOutput" bottom: "l1" bottom: "c1" bottom: "pb" bottom: "c2" bottom: "l1" top: "d"
  detection_output_param { num_classes: 2 objectness_score: 0.01 confidence_threshold: 0.1 keep_top_k: 20
    nms_param { nms_threshold: 0.45 top_k: 40 eta: 0.9 } code_type: CENTER_SIZE } }
"""
_ELEMENTS = """input: "x" input_shape { dim: [2, 4, 5, 6] }
layer { name: "abs" type: "AbsVal" bottom: "x" top: "abs" }
layer { name: "thr" type: "Threshold" bottom: "abs" top: "thr" threshold_param { threshold: 0.5 } }
layer { name: "sp" type: "Split" bottom: "x" top: "s1" top: "s2" }
layer { name: "mvn" type: "MVN" bottom: "s1" top: "mvn" mvn_param { across_channels: true eps: 1e-6 } }
layer { name: "pr" type: "PReLU" bottom: "mvn" top: "pr" prelu_param { channel_shared: true filler { value: 0.1 } } }
layer { name: "el" type: "ELU" bottom: "pr" top: "pr" elu_param { alpha: 0.5 } }
layer { name: "se" type: "SELU" bottom: "pr" top: "se" }
layer { name: "cl" type: "Clip" bottom: "se" top: "cl" clip_param { min: -1 max: 1.5 } }
layer { name: "ex" type: "Exp" bottom: "cl" top: "ex" exp_param { base: 2 scale: 0.5 shift: -1 } }
layer { name: "lo" type: "Log" bottom: "ex" top: "lo" log_param { base: 10 shift: 2 } }
layer { name: "bn" type: "BNLL" bottom: "lo" top: "bn" }
layer { name: "erf" type: "Erf" bottom: "bn" top: "erf" }
layer { name: "ge" type: "Gelu" bottom: "erf" top: "ge" gelu_param { approximate: true } }
layer { name: "hi" type: "HSigmoid" bottom: "ge" top: "hi" }
layer { name: "hw" type: "HSwish" bottom: "hi" top: "hw" }
layer { name: "mi" type: "Mish" bottom: "hw" top: "mi" }
layer { name: "si" type: "Sigmoid" bottom: "mi" top: "si" }
layer { name: "so" type: "Softplus" bottom: "si" top: "so" }
layer { name: "sw" type: "Swish" bottom: "so" top: "sw" swish_param { beta: 1.5 } }
layer { name: "spa" type: "Sparsify" bottom: "sw" top: "spa" sparsify_param { thre: 0.01 } }
layer { name: "un" type: "Unary" bottom: "spa" top: "un" unary_param { operation: FLOOR } }
layer { name: "co" type: "Comparison" bottom: "un" top: "co" comparison_param { operation: LESS number: 0.5 } }
layer { name: "bi" type: "Bias" bottom: "co" top: "bi" bias_param { axis: 1 num_axes: 2 } }
layer { name: "ln" type: "LayerNorm" bottom: "bi" top: "ln" layer_norm_param { axis: 2 eps: 1e-4 } }
layer { name: "cn" type: "ChannelNorm" bottom: "ln" top: "cn" channel_norm_param { eps: 1e-6 } }
layer { name: "cs" type: "ChannelScale" bottom: "x" bottom: "cn" top: "cs" channel_scale_param { do_forward: true } }
"""
_ARRAYS = """input: "x" input_shape { dim: [3, 4, 5, 6] } input: "a" input_shape { dim: [3, 4] }
input: "n" input_shape { dim: [2] } input: "k" input_shape { dim: [3, 1, 1, 1] }
layer { name: "w" type: "Parameter" top: "w" parameter_param { shape { dim: [1, 1, 6, 2] } } }
layer { name: "mm" type: "MatMul" bottom: "x" bottom: "w" top: "mm" matmul_param { transpose_a: false } }
layer { name: "ax" type: "Axpy" bottom: "a" bottom: "x" bottom: "x" top: "ax" }
layer { name: "b" type: "Binary" bottom: "ax" bottom: "x" top: "b" binary_param { operation: GREATER } }
layer { name: "wh" type: "Where" bottom: "b" bottom: "x" bottom: "ax" top: "wh" }
layer { name: "ta" type: "Take" bottom: "wh" top: "ta" take_param { axis: 2 index: [4, 0, 0] } }
layer { name: "pi" type: "Pick" bottom: "x" bottom: "a" top: "pi" }
layer { name: "pu" type: "Put" bottom: "x" bottom: "a" bottom: "pi" top: "pu" put_param { operation: ADD } }
layer { name: "nb" type: "Reshape" bottom: "a" top: "nb" reshape_param { shape { dim: [0, 1, 4] } } }
layer { name: "ns" type: "Reduction" bottom: "nb" top: "ns" reduction_param { axis: 2 } }
layer { name: "nr" type: "Reshape" bottom: "ns" top: "nr" reshape_param { shape { dim: [0, 1, 1] } } }
layer { name: "nms" type: "NonMaxSuppression" bottom: "nb" bottom: "nr" top: "nms"
  non_max_suppression_param { max_output_boxes_per_class: 2 iou_threshold: 0.5 score_threshold: 0.1 } }
layer { name: "ti" type: "Tile" bottom: "ta" top: "ti" tile_param { axis: -1 tiles: 2 } }
layer { name: "re" type: "Reduction" bottom: "ti" top: "re" reduction_param { operation: SUMSQ axis: 2 coeff: 0.5 } }
layer { name: "am" type: "ArgMax" bottom: "re" top: "am" argmax_param { axis: 1 top_k: 2 out_max_val: true } }
layer { name: "em" type: "Embed" bottom: "am" top: "em" embed_param { num_output: 3 input_dim: 9 bias_term: false } }
layer { name: "br" type: "BatchReindex" bottom: "x" bottom: "n" top: "br" }
layer { name: "fi" type: "Filter" bottom: "x" bottom: "k" top: "fi" }
layer { name: "ci" type: "ContinuationIndicator" top: "ci"
  continuation_indicator_param { time_step: 4 batch_size: 3 } }
layer { name: "pe" type: "Permute" bottom: "a" top: "pe" permute_param { order: [1, 0] } }
layer { name: "rs" type: "Reshape" bottom: "x" top: "rs" reshape_param { shape { dim: [4, 3, -1] } } }
layer { name: "ctc" type: "CTCGreedyDecoder" bottom: "rs" bottom: "ci" top: "ctc"
  ctc_decoder_param { blank_index: 29 ctc_merge_repeated: false } }
layer { name: "id" type: "InnerDistance" bottom: "a" top: "id"
  inner_distance_param { num_output: 2 distance_type: "L1" bias_term: false } }
layer { name: "ni" type: "NormalizedInnerProduct" bottom: "x" top: "ni" inner_product_param { num_output: 2 } }
"""
_MAPS = """input: "x" input_shape { dim: [1, 4, 6, 8] }
layer { name: "im" type: "Im2col" bottom: "x" top: "im" convolution_param { kernel_size: [3, 2] stride: 2 pad: 1 } }
layer { name: "lo" type: "Local" bottom: "x" top: "lo" local_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "spp" type: "SPP" bottom: "x" top: "spp" spp_param { pyramid_height: 2 pool: AVE } }
layer { name: "sh" type: "ShuffleChannel" bottom: "x" top: "sh" shuffle_channel_param { group: 2 } }
layer { name: "ro" type: "Reorg" bottom: "sh" top: "ro" reorg_param { stride: 2 } }
layer { name: "ds" type: "DepthToSpace" bottom: "ro" top: "ds" depth_to_space_param { block_size: 2 } }
layer { name: "db" type: "DenseBlock" bottom: "ds" top: "db"
  denseblock_param { numTransition: 2 growthRate: 3 initChannel: 4 } }
layer { name: "fl" type: "Flip" bottom: "db" top: "fl" flip_param { flip_height: true } }
layer { name: "po" type: "Pooling" bottom: "fl" top: "po" top: "mask" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "up" type: "Unpooling" bottom: "po" bottom: "mask" top: "up"
  unpooling_param { unpool: MAX kernel_size: 2 stride: 2 unpool_h: 6 unpool_w: 8 } }
layer { name: "rs" type: "Resample" bottom: "up" top: "rs" resample_param { width: 5 height: 9 type: CUBIC } }
layer { name: "ir" type: "ImResize" bottom: "up" top: "ir"
  imresize_param { factor: 1.5 start_scale: 1 scale_gap: 0.3 } }
layer { name: "dr" type: "DeephiResize" bottom: "rs" top: "dr"
  deephi_resize_param { resize_type: BILINEAR scale_h: 2 scale_w: 2 } }
layer { name: "cr" type: "Crop" bottom: "dr" bottom: "x" top: "cr" crop_param { axis: 2 offset: [1, 0] } }
layer { name: "of" type: "Convolution" bottom: "cr" top: "of" convolution_param { num_output: 18 kernel_size: 1 } }
layer { name: "de" type: "DeformableConvolution" bottom: "cr" bottom: "of" top: "de"
  deformable_convolution_param { num_output: 2 kernel_size: 3 pad: 1 deformable_group: 1 } }
"""
_PLACES = """input: "x" input_shape { dim: [1, 8, 6, 8] } input: "r" input_shape { dim: [3, 5] }
input: "f" input_shape { dim: [1, 2, 6, 8] } input: "t" input_shape { dim: [1, 6] }
input: "i" input_shape { dim: [1, 3] } input: "big" input_shape { dim: [1, 3, 24, 32] }
layer { name: "rp" type: "ROIPooling" bottom: "x" bottom: "r" top: "rp"
  roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.0625 pad_ratio: 0.1 } }
layer { name: "ra" type: "ROIAlign" bottom: "x" bottom: "r" top: "ra"
  roi_align_param { pooled_h: 2 pooled_w: 2 spatial_scale: 0.125 sampling_ratio: 2 } }
layer { name: "ps" type: "PSROIPooling" bottom: "x" bottom: "r" top: "ps"
  psroi_pooling_param { spatial_scale: 0.25 output_dim: 2 group_size: 2 } }
layer { name: "st" type: "SpatialTransformer" bottom: "x" bottom: "t" top: "st" st_param { output_H: 4 output_W: 5 } }
layer { name: "fw" type: "FlowWarp" bottom: "x" bottom: "f" top: "fw" flow_warp_param { fill_value: NOT_A_NUMBER } }
layer { name: "c" type: "Correlation" bottom: "x" bottom: "fw" top: "c"
  correlation_param { pad: 2 kernel_size: 1 max_displacement: 2 stride_1: 1 stride_2: 1 } }
layer { name: "c1" type: "Correlation1D" bottom: "x" bottom: "fw" top: "c1"
  correlation_param { pad: 3 kernel_size: 1 max_displacement: 3 single_direction: -1 } }
layer { name: "hc" type: "HyperColumns" bottom: "big" bottom: "x" bottom: "c" top: "hc"
  hypercolumns_param { is_train: false skip_ratio: 1 } }
layer { name: "cov" type: "Convolution" bottom: "x" top: "cov" convolution_param { num_output: 2 kernel_size: 1 } }
layer { name: "box" type: "Convolution" bottom: "x" top: "box" convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "cd" type: "ClusterDetections" bottom: "cov" bottom: "box" top: "cd" cluster_detections_param {
  image_size_x: 32 image_size_y: 24 stride: 4 gridbox_cvg_threshold: 0.06 gridbox_rect_thresh: 2
  gridbox_rect_eps: 0.02 min_height: 2 num_classes: 2 } }
layer { name: "am" type: "ArgMax" bottom: "x" top: "am" argmax_param { axis: 1 } }
layer { name: "cb" type: "CombineRegressions" bottom: "am" bottom: "am" bottom: "x" bottom: "x" top: "cb"
  combine_regressions_param { residual: true } }
layer { name: "pr" type: "Proposal" bottom: "box" bottom: "x" bottom: "i" top: "pr" proposal_param {
  feat_stride: 4 base_size: 4 min_size: 2 ratio: 1 scale: [1, 2] pre_nms_topn: 40 post_nms_topn: 9 nms_thresh: 0.7 } }
layer { name: "sc" type: "Convolution" bottom: "x" top: "sc" convolution_param { num_output: 20 kernel_size: 1 } }
layer { name: "bb" type: "Convolution" bottom: "x" top: "bb" convolution_param { num_output: 20 kernel_size: 1 } }
layer { name: "tp" type: "TextProposal" bottom: "sc" bottom: "bb" bottom: "i" top: "tp"
  text_proposal_param { feat_stride: 16 } }
"""
_SCENES = """input: "x" input_shape { dim: [1, 8, 6, 8] } input: "r" input_shape { dim: [3, 5] }
input: "f" input_shape { dim: [1, 2, 6, 8] } input: "i" input_shape { dim: [1, 3, 6, 8] }
input: "s" input_shape { dim: [1, 2] }
layer { name: "rs" type: "Resize" bottom: "x" top: "rs" resize_param { height: 9 width: 5 } }
layer { name: "ac" type: "Accum" bottom: "x" bottom: "rs" top: "ac" accum_param { size_divisible_by: 4 } }
layer { name: "br" type: "BatchReduction" bottom: "x" top: "br"
  batch_reduction_param { level: [2, 1, 1] reduction_param { operation: MEAN axis: 2 } } }
layer { name: "gr" type: "Gram" bottom: "x" top: "gr" }
layer { name: "cb" type: "CompactBilinear" bottom: "x" bottom: "f" top: "cb"
  compact_bilinear_param { num_output: 16 sum_pool: false } }
layer { name: "ss" type: "SignedSqrt" bottom: "cb" top: "ss" }
layer { name: "do" type: "Downsample" bottom: "i" top: "do" downsample_param { top_height: 3 top_width: 2 } }
layer { name: "uc" type: "UnPooling" bottom: "do" top: "uc"
  unpooling_param { unpool: DIV out_kernel_size: 3 out_stride: 2 out_pad: 1 } }
layer { name: "me" type: "Mean" bottom: "i" top: "me"
  mean_param { operation: SUBTRACT value: [104, 117, 123] mean_scale: 2 output_scale: 0.017 } }
layer { name: "nm" type: "Nms" bottom: "f" top: "nm" nms_param { threshold: 0.1 num_peak: 5 } }
layer { name: "wa" type: "Warp" bottom: "x" bottom: "f" top: "wa" }
layer { name: "ps" type: "PSROIAlign" bottom: "wa" bottom: "r" top: "ps"
  psroi_align_param { spatial_scale: 0.25 output_dim: 2 group_size: 2 sampling_ratio: 2 } }
layer { name: "da" type: "DataAugmentation" bottom: "i" top: "da"
  augmentation_param { recompute_mean: 3 mean_per_pixel: false mean: [10, 20, 30] } }
layer { name: "dp" type: "DotProductAttention" bottom: "x" bottom: "wa" bottom: "x" top: "dp"
  dot_product_attention_param { scale: 0.5 } }
layer { name: "bo" type: "BoxOutput" bottom: "x" top: "bo" box_output_param {
  fg_thr: 0.1 iou_thr: 0.5 field_h: 40 field_w: 60 downsample_rate: 8 max_nms_num: 30 max_post_nms_num: 9 min_size: 2
  bbox_mean: [0, 0, 0, 0] bbox_std: [0.1, 0.1, 0.2, 0.2] } }
layer { name: "cr" type: "DenseCRF" bottom: "x" bottom: "s" bottom: "i" top: "cr" dense_crf_param { max_iter: 2
  pos_w: 3 pos_xy_std: 3 bi_w: 4 bi_xy_std: 40 bi_rgb_std: 5 output_probability: false } }
layer { name: "mm" type: "MultiStageMeanfield" bottom: "x" bottom: "x" bottom: "i" top: "mm"
  multi_stage_meanfield_param { theta_alpha: 160 theta_beta: 3 theta_gamma: 3 num_iterations: 2 } }
"""
PROTOTXTS = (
    NET, _TRAINING, _V1, _V0, _SHAPING, _FORKS, _FILMS, _VOLUMES, _PYTHON, _INTEGERS, _SEQUENCES, _DETECTORS, _ELEMENTS,
    _ARRAYS, _MAPS, _PLACES, _SCENES,
)  # fmt: skip


@cache
def messages() -> tuple[Message, ...]:
    """Return the nets as messages."""
    return tuple(prototxt.parse(text) for text in PROTOTXTS)


@cache
def words() -> tuple[str, ...]:
    """Return the names of layer types."""
    return tuple(name for name, _ in LAYERS.items())
