"""Caffe's messages as one table: names, numbers and types of the fields (caffe.proto, BVLC master and SSD).

The messages of the layer types that XDN runs stand with their layers in `xdn/layers`; here stand the rest: what
holds a net together, what stands in training nets, and what other inference layers use, so that a file with
such a layer is read and the layer then refused by name.

One line a message: types, each before the fields that have it, ``field=number``; ``*`` marks repeated ones.
``A|B|C`` is an enum numbered from 0, ``A@1|B@2`` one with numbers, and ``message`` the message that a field is called
after.
"""

#: Field number of `xdn_param` in LayerParameter and SolverParameter, far above what any Caffe branch has used.
XDN_PARAM_NUMBER = 20190

#: What holds a net together.
CORE = """
BlobShape int64* dim=1
BlobProto int32 num=1 channels=2 height=3 width=4 float* data=5 diff=6 BlobShape shape=7 double* double_data=8 \
    double_diff=9
BlobProtoVector BlobProto* blobs=1
FillerParameter string type=1 float value=2 min=3 max=4 mean=5 std=6 int32 sparse=7 \
    FAN_IN|FAN_OUT|AVERAGE variance_norm=8 string file=9 float* diag_val=10
NetParameter string name=1 V1LayerParameter* layers=2 string* input=3 int32* input_dim=4 bool force_backward=5 \
    NetState state=6 bool debug_info=7 BlobShape* input_shape=8 LayerParameter* layer=100
NetState TRAIN|TEST phase=1 int32 level=2 string* stage=3
NetStateRule TRAIN|TEST phase=1 int32 min_level=2 max_level=3 string* stage=4 not_stage=5
ParamSpec string name=1 STRICT|PERMISSIVE share_mode=2 float lr_mult=3 decay_mult=4
LayerParameter string name=1 type=2 string* bottom=3 top=4 float* loss_weight=5 ParamSpec* param=6 BlobProto* blobs=7 \
    NetStateRule* include=8 exclude=9 TRAIN|TEST phase=10 bool* propagate_down=11 \
    TransformationParameter transform_param=100 LossParameter loss_param=101
V1LayerParameter V0LayerParameter layer=1 string* bottom=2 top=3 string name=4 V1_TYPES type=5 BlobProto* blobs=6 \
    float* blobs_lr=7 weight_decay=8 NetStateRule* include=32 exclude=33 float* loss_weight=35 \
    TransformationParameter transform_param=36 LossParameter loss_param=42 string* param=1001 \
    STRICT|PERMISSIVE* blob_share_mode=1002 string xdn_type=20190
CodebookParameter uint32 block=1
Int8Parameter float scale=1 bool signed=2 uint32 bits=3 weight_bits=4
XdnParameter float* std=1 string channel_order=2 bool residual=3 string activation=4 float negative_slope=5 alpha=6 \
    bool channel_shared=7 ConvolutionParameter projection=8 float beta=9 Int8Parameter* int8=10 bool bf16=11 \
    uint32* weight_bits=12 CodebookParameter codebook=13
V0LayerParameter string name=1 type=2 uint32 num_output=3 bool biasterm=4 FillerParameter weight_filler=5 \
    bias_filler=6 uint32 pad=7 kernelsize=8 group=9 stride=10 MAX|AVE|STOCHASTIC pool=11 float dropout_ratio=12 \
    uint32 local_size=13 float alpha=14 beta=15 string source=16 float scale=17 string meanfile=18 uint32 batchsize=19 \
    cropsize=20 bool mirror=21 float k=22 BlobProto* blobs=50 float* blobs_lr=51 weight_decay=52 uint32 rand_skip=53 \
    float det_fg_threshold=54 det_bg_threshold=55 det_fg_fraction=56 uint32 det_context_pad=58 string det_crop_mode=59 \
    int32 new_num=60 new_channels=61 new_height=62 new_width=63 bool shuffle_images=64 uint32 concat_dim=65 \
    HDF5OutputParameter hdf5_output_param=1001
"""

#: How a net is trained: Caffe's solver, and what it has no word for.
SOLVER = """
SolverParameter string train_net=1 string* test_net=2 int32* test_iter=3 int32 test_interval=4 float base_lr=5 \
    int32 display=6 max_iter=7 string lr_policy=8 float gamma=9 power=10 momentum=11 weight_decay=12 int32 stepsize=13 \
    snapshot=14 string snapshot_prefix=15 bool snapshot_diff=16 CPU|GPU solver_mode=17 int32 device_id=18 \
    bool test_compute_loss=19 int64 random_seed=20 NetParameter train_net_param=21 NetParameter* test_net_param=22 \
    bool debug_info=23 string net=24 NetParameter net_param=25 NetState train_state=26 NetState* test_state=27 \
    bool snapshot_after_train=28 string regularization_type=29 \
    SGD|NESTEROV|ADAGRAD|RMSPROP|ADADELTA|ADAM solver_type=30 float delta=31 bool test_initialization=32 \
    int32 average_loss=33 int32* stepvalue=34 float clip_gradients=35 int32 iter_size=36 \
    HDF5|BINARYPROTO snapshot_format=37 float rms_decay=38 momentum2=39 string type=40 bool layer_wise_reduce=41 \
    string* weights=42 XdnSolverParameter xdn_param=20190
XdnSolverParameter string data=1 uint32 batch_size=2 epochs=3 pad=4 ZERO|REFLECT pad_mode=5 bool mirror=6 \
    uint32 holdout=7 warmup_iter=8 float warmup=9 initial_factor=10 final_factor=11 low_momentum=12 label_smoothing=13 \
    string* teacher=14 float temperature=15 alpha=16 AUTO|ON|OFF bf16=17 float bn_momentum=18 bool freeze_bn=19 \
    string test_data=20 bool loss_aware=21
"""

#: What is pruned, by what, and how far: XDN's own file.
PRUNING = """
PruneParameter string budget=1 criterion=2 schedule=3 float least=4 bool inner_first=5 uint32 steps=6 \
    bool reconstruct=7 uint32 images=8 seed=9 PruneRule* group=10
PruneRule string layer=1 float ratio=2 string criterion=3
"""

#: What stands in training nets: data layers, losses, measures.
TRAINING = """
TransformationParameter float scale=1 bool mirror=2 uint32 crop_size=3 string mean_file=4 float* mean_value=5 \
    bool force_color=6 force_gray=7 ResizeParameter* resize_param=8 NoiseParameter noise_param=9 \
    EmitConstraint emit_constraint=10 uint32 crop_h=11 crop_w=12 DistortionParameter distort_param=13 \
    ExpansionParameter expand_param=14
ResizeParameter float prob=1 WARP@1|FIT_SMALL_SIZE@2|FIT_LARGE_SIZE_AND_PAD@3 resize_mode=2 uint32 height=3 width=4 \
    CONSTANT@1|MIRRORED@2|REPEAT_NEAREST@3 pad_mode=5 float* pad_value=6 \
    LINEAR@1|AREA@2|NEAREST@3|CUBIC@4|LANCZOS4@5* interp_mode=7 uint32 height_scale=8 width_scale=9
NoiseParameter float prob=1 bool hist_eq=2 inverse=3 decolorize=4 gauss_blur=5 float jpeg=6 bool posterize=7 erode=8 \
    saltpepper=9 clahe=11 convert_to_hsv=12 convert_to_lab=13
DistortionParameter float brightness_prob=1 brightness_delta=2 contrast_prob=3 contrast_lower=4 contrast_upper=5 \
    hue_prob=6 hue_delta=7 saturation_prob=8 saturation_lower=9 saturation_upper=10 random_order_prob=11
ExpansionParameter float prob=1 max_expand_ratio=2
EmitConstraint CENTER|MIN_OVERLAP emit_type=1 float emit_overlap=2
LossParameter int32 ignore_label=1 bool normalize=2 FULL|VALID|BATCH_SIZE|NONE normalization=3
AccuracyParameter uint32 top_k=1 int32 axis=2 ignore_label=3
DataParameter string source=1 float scale=2 string mean_file=3 uint32 batch_size=4 crop_size=5 bool mirror=6 \
    uint32 rand_skip=7 LEVELDB|LMDB backend=8 bool force_encoded_color=9 uint32 prefetch=10 bool shuffle=12 cache=14 \
    uint32 threads=15 parser_threads=16
DummyDataParameter FillerParameter* data_filler=1 uint32* num=2 channels=3 height=4 width=5 BlobShape* shape=6
HDF5DataParameter string source=1 uint32 batch_size=2 bool shuffle=3
HDF5OutputParameter string file_name=1
ImageDataParameter string source=1 float scale=2 string mean_file=3 uint32 batch_size=4 crop_size=5 bool mirror=6 \
    uint32 rand_skip=7 bool shuffle=8 uint32 new_height=9 new_width=10 bool is_color=11 string root_folder=12 \
    uint32 new_length=2001
VideoDataParameter string source=1 float scale=2 string mean_file=3 uint32 batch_size=4 crop_size=5 bool mirror=6 \
    uint32 rand_skip=7 bool shuffle=8 uint32 new_height=9 new_width=10 bool is_color=11 string root_folder=12 \
    uint32 new_length=13 bool show_data=14 use_image=15 use_temporal_jitter=16 uint32 sampling_rate=17 \
    max_sampling_rate=18 bool use_sampling_rate_jitter=19 use_multiple_label=20 uint32 num_of_labels=21
MemoryDataParameter uint32 batch_size=1 channels=2 height=3 width=4 uint32* dim=5
WindowDataParameter string source=1 float scale=2 string mean_file=3 uint32 batch_size=4 crop_size=5 bool mirror=6 \
    float fg_threshold=7 bg_threshold=8 fg_fraction=9 uint32 context_pad=10 string crop_mode=11 bool cache_images=12 \
    string root_folder=13
CoeffScheduleParameter float half_life=1 initial_coeff=2 final_coeff=3
ContrastiveLossParameter float margin=1 bool legacy_version=2
HingeLossParameter L1@1|L2@2 norm=1
InfogainLossParameter string source=1 int32 axis=2
SmoothL1LossParameter float sigma=1
AnnotatedDataParameter BatchSampler* batch_sampler=1 string label_map_file=2 BBOX@0 anno_type=3
BatchSampler bool use_original_image=1 Sampler sampler=2 SampleConstraint sample_constraint=3 uint32 max_sample=4 \
    max_trials=5
Sampler float min_scale=1 max_scale=2 min_aspect_ratio=3 max_aspect_ratio=4
SampleConstraint float min_jaccard_overlap=1 max_jaccard_overlap=2 min_sample_coverage=3 max_sample_coverage=4 \
    min_object_coverage=5 max_object_coverage=6
DetectionEvaluateParameter uint32 num_classes=1 background_label_id=2 float overlap_threshold=3 \
    bool evaluate_difficult_gt=4 string name_size_file=5 ResizeParameter resize_param=6
CConvolutionParameter float gamma=1 power=2 iter_stop=3 c_rate=4 FillerParameter weight_mask_filler=5 \
    bias_mask_filler=6 bool is_pruning=7 float upper_bound=8 int32 inter_iter=9
CInnerProductParameter float gamma=1 power=2 iter_stop=3 c_rate=4 FillerParameter weight_mask_filler=5 \
    bias_mask_filler=6 bool is_pruning=7 float upper_bound=8 int32 inter_iter=9
MultiBoxLossParameter L2|SMOOTH_L1 loc_loss_type=1 SOFTMAX|LOGISTIC conf_loss_type=2 float loc_weight=3 \
    uint32 num_classes=4 bool share_location=5 BIPARTITE|PER_PREDICTION match_type=6 float overlap_threshold=7 \
    bool use_prior_for_matching=8 uint32 background_label_id=9 bool use_difficult_gt=10 do_neg_mining=11 \
    float neg_pos_ratio=12 neg_overlap=13 CORNER@1|CENTER_SIZE@2|CORNER_SIZE@3 code_type=14 \
    bool encode_variance_in_target=16 map_object_to_agnostic=17 ignore_cross_boundary_bbox=18 bp_inside=19 \
    NONE|MAX_NEGATIVE|HARD_EXAMPLE mining_type=20 NonMaximumSuppressionParameter nms_param=21 int32 sample_size=22 \
    bool use_prior_for_nms=23 float objectness_score=24
"""

#: What other inference layers use.
OTHERS = """
NonMaximumSuppressionParameter float nms_threshold=1 int32 top_k=2 float eta=3 bool soft_nms=4 float theta=5
PythonParameter string module=1 layer=2 param_str=3 bool share_in_parallel=4
SaveOutputParameter string output_directory=1 output_name_prefix=2 output_format=3 label_map_file=4 name_size_file=5 \
    uint32 num_test_image=6 ResizeParameter resize_param=7
HappynearNormalizeParameter string normalize_type=1 bool fix_gradient=2 bp_norm=3
SoftmaxParameter string normalize_type=2001 float label_smooth_factor=2002
TransposeParameter int32* dim=1
SpatialPyramidPoolingParameter MAX|AVE|STOCHASTIC pool=1 uint32* spatial_bin=2 float scale=3
Convolution3DParameter uint32 num_output=1 bool bias_term=2 uint32 pad=3 kernel_size=4 group=5 kernel_depth=6 stride=7 \
    temporal_stride=8 FillerParameter weight_filler=9 bias_filler=10 uint32 filter_group=11 temporal_pad=12
ReLUParameter bool relu6=2001 float maximum=2002 minimum=2003
TilingParameter uint32 tile_dim=1
MergecropParameter bool* forward=1 backward=2 STACK|ADD operation=3
InsanityParameter float lb=1 ub=2
EltwiseAffineParameter FillerParameter slope_filler=1 bias_filler=2 bool channel_shared=3
ResampleParameter NEAREST@1|LINEAR@2|CUBIC@3|AREA@4 type=3
PixelShuffleParameter uint32 upscale_factor=1
Pooling3DParameter MAX|AVE|STOCHASTIC pool=1 uint32 kernel_size=2 stride=3 pad=4 kernel_depth=5 temporal_stride=6
ConvolutionParameter uint32 kernel_depth=2001 temporal_stride=2002 temporal_pad=2003 filter_group=2004 pad_t=2005 \
    pad_b=2006 pad_l=2007 pad_r=2008 pad_type=2009 hole=2010 hole_h=2011 hole_w=2012 kstride=2013 kstride_h=2014 \
    kstride_w=2015 dilation_h=2016 dilation_w=2017
PoolingParameter uint32 kernel_depth=2001 temporal_stride=2002 kstride=2013 kstride_h=2014 \
    kstride_w=2015 dilation_h=2016 dilation_w=2017
PadParameter ZERO|REPLICATE|REFLECT|REFLECT_101 type=2001
NormalizationParameter L1@1|L2@2 norm=1
L2NormalizationParameter int32 axis=1 bool is_global=2 float eps=3
PaddingParameter int32 pad=1 pad_h=2 pad_w=3 pad_h_top=4 pad_h_bottom=5 pad_w_left=6 pad_w_right=7 \
    bool pad_to_power_of_2=8 int32 pad_beg=9 pad_end=10 pad_t=11 pad_b=12 pad_l=13 pad_r=14 \
    CONSTANT|REFLECT|SYMMETRIC pad_method=15 float pad_value=16
BBoxRegParameter float* bbox_mean=1 bbox_std=2
MaxUnPoolParameter uint32 dst_h=1 dst_w=2
DetectionOutputParameter bool ratio_permute=25 int32 ratio0=26 ratio1=27 ratio2=28 ratio3=29 ratio4=30 ratio5=31 \
    bool no_permute=32 int32 nbottom=33 bool tflite_detection=34 tflite_use_regular_nms=35 \
    int32 max_classes_per_detection=36 float* scale_xywh=37
RandomGeneratorParameter string rand_type=1 bool exp=2 float mean=4 spread=5 prob=6 bool apply_schedule=7 discretize=8 \
    float multiplier=9
ScalarParameter int32 axis=1 num_axes=2 FillerParameter filler=3
"""

#: Fields of LayerParameter that hold those messages. The numbers from 2000 on are ours: they belong to branches
#: of Caffe that gave numbers of their own, which text does not show.
LAYER_FIELDS = """
LayerParameter message accuracy_param=102 contrastive_loss_param=105 data_param=107 dummy_data_param=109 \
    HDF5DataParameter hdf5_data_param=112 HDF5OutputParameter hdf5_output_param=113 message hinge_loss_param=114 \
    image_data_param=115 infogain_loss_param=116 memory_data_param=119 window_data_param=129 python_param=130 \
    annotated_data_param=200 MultiBoxLossParameter multibox_loss_param=201 \
    message detection_evaluate_param=205 smooth_l1_loss_param=2006 CConvolutionParameter cconvolution_param=2020 \
    CInnerProductParameter cinner_product_param=2021 message spatial_pyramid_pooling_param=2022 \
    HappynearNormalizeParameter normalize_param=2023 message tiling_param=2024 pixel_shuffle_param=2025 \
    mergecrop_param=2026 insanity_param=2027 eltwise_affine_param=2028 \
    message transpose_param=2029 message normalization_param=2201 L2NormalizationParameter l2n_param=2202 \
    message padding_param=2203 message scalar_param=2204 \
    ReLUParameter relu6_param=2205 InsanityParameter rrelu_param=2206 BBoxRegParameter bbox_reg_param=2207 \
    message coeff_schedule_param=2208 MaxUnPoolParameter max_unpool_param=2209 message video_data_param=6660 \
    Convolution3DParameter convolution3d_param=6661 Pooling3DParameter pooling3d_param=6662
V1LayerParameter message accuracy_param=27 contrastive_loss_param=40 data_param=11 dummy_data_param=26 \
    HDF5DataParameter hdf5_data_param=13 HDF5OutputParameter hdf5_output_param=14 message hinge_loss_param=29 \
    image_data_param=15 infogain_loss_param=16 memory_data_param=22 window_data_param=20 \
    spatial_pyramid_pooling_param=2022 message normalization_param=2201 L2NormalizationParameter l2n_param=2202 \
    message padding_param=2203 message scalar_param=2204
"""

#: V1's type enum, numbered from 0: its name, and the type's name in the current format.
V1_TYPES = """
NONE: ACCURACY:Accuracy BNLL:BNLL CONCAT:Concat CONVOLUTION:Convolution DATA:Data DROPOUT:Dropout
EUCLIDEAN_LOSS:EuclideanLoss FLATTEN:Flatten HDF5_DATA:HDF5Data HDF5_OUTPUT:HDF5Output IM2COL:Im2col
IMAGE_DATA:ImageData INFOGAIN_LOSS:InfogainLoss INNER_PRODUCT:InnerProduct LRN:LRN
MULTINOMIAL_LOGISTIC_LOSS:MultinomialLogisticLoss POOLING:Pooling RELU:ReLU SIGMOID:Sigmoid SOFTMAX:Softmax
SOFTMAX_LOSS:SoftmaxWithLoss SPLIT:Split TANH:TanH WINDOW_DATA:WindowData ELTWISE:Eltwise POWER:Power
SIGMOID_CROSS_ENTROPY_LOSS:SigmoidCrossEntropyLoss HINGE_LOSS:HingeLoss MEMORY_DATA:MemoryData ARGMAX:ArgMax
THRESHOLD:Threshold DUMMY_DATA:DummyData SLICE:Slice MVN:MVN ABSVAL:AbsVal SILENCE:Silence
CONTRASTIVE_LOSS:ContrastiveLoss EXP:Exp DECONVOLUTION:Deconvolution
"""

#: All messages; the first to name a field or to take its number has it.
TABLES = (CORE, SOLVER, PRUNING, TRAINING, LAYER_FIELDS, OTHERS)
