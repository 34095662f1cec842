"""Caffe's messages as one table: names, numbers and types of the fields (caffe.proto, BVLC master and SSD).

The messages of the layer types that XDN runs stand with their layers in `xdn/layers`; here stand the rest: what
holds a net together, what stands in training nets, and what other inference layers use, so that a file with
such a layer is read and the layer then refused by name.

One line a message: ``field=number:type``, ``*`` for repeated, ``A|B|C`` an enum numbered from 0, ``A@1|B@2`` with
numbers; ``data_param=number`` is a DataParameter.
"""

#: Field number of `xdn_param` in LayerParameter and SolverParameter, far above what any Caffe branch has used.
XDN_PARAM_NUMBER = 20190

#: What holds a net together.
CORE = """
BlobShape dim=1:int64*
BlobProto num=1:int32 channels=2:int32 height=3:int32 width=4:int32 data=5:float* diff=6:float* shape=7:BlobShape \
    double_data=8:double* double_diff=9:double*
BlobProtoVector blobs=1:BlobProto*
FillerParameter type=1:string value=2:float min=3:float max=4:float mean=5:float std=6:float sparse=7:int32 \
    variance_norm=8:FAN_IN|FAN_OUT|AVERAGE file=9:string diag_val=10:float*
NetParameter name=1:string layers=2:V1LayerParameter* input=3:string* input_dim=4:int32* force_backward=5:bool \
    state=6:NetState debug_info=7:bool input_shape=8:BlobShape* layer=100:LayerParameter*
NetState phase=1:TRAIN|TEST level=2:int32 stage=3:string*
NetStateRule phase=1:TRAIN|TEST min_level=2:int32 max_level=3:int32 stage=4:string* not_stage=5:string*
ParamSpec name=1:string share_mode=2:STRICT|PERMISSIVE lr_mult=3:float decay_mult=4:float
LayerParameter name=1:string type=2:string bottom=3:string* top=4:string* loss_weight=5:float* param=6:ParamSpec* \
    blobs=7:BlobProto* include=8:NetStateRule* exclude=9:NetStateRule* phase=10:TRAIN|TEST propagate_down=11:bool* \
    transform_param=100:TransformationParameter loss_param=101:LossParameter
V1LayerParameter layer=1:V0LayerParameter bottom=2:string* top=3:string* name=4:string type=5:V1_TYPES \
    blobs=6:BlobProto* blobs_lr=7:float* weight_decay=8:float* include=32:NetStateRule* exclude=33:NetStateRule* \
    loss_weight=35:float* transform_param=36:TransformationParameter loss_param=42:LossParameter \
    param=1001:string* blob_share_mode=1002:STRICT|PERMISSIVE* xdn_type=20190:string
XdnParameter std=1:float* channel_order=2:string residual=3:bool activation=4:string negative_slope=5:float \
    alpha=6:float channel_shared=7:bool projection=8:ConvolutionParameter beta=9:float
V0LayerParameter name=1:string type=2:string num_output=3:uint32 biasterm=4:bool weight_filler=5:FillerParameter \
    bias_filler=6:FillerParameter pad=7:uint32 kernelsize=8:uint32 group=9:uint32 stride=10:uint32 \
    pool=11:MAX|AVE|STOCHASTIC dropout_ratio=12:float local_size=13:uint32 alpha=14:float beta=15:float \
    source=16:string scale=17:float meanfile=18:string batchsize=19:uint32 cropsize=20:uint32 mirror=21:bool \
    k=22:float blobs=50:BlobProto* blobs_lr=51:float* weight_decay=52:float* rand_skip=53:uint32 \
    det_fg_threshold=54:float det_bg_threshold=55:float det_fg_fraction=56:float det_context_pad=58:uint32 \
    det_crop_mode=59:string new_num=60:int32 new_channels=61:int32 new_height=62:int32 new_width=63:int32 \
    shuffle_images=64:bool concat_dim=65:uint32 hdf5_output_param=1001:HDF5OutputParameter
"""

#: How a net is trained: Caffe's solver, and what it has no word for.
SOLVER = """
SolverParameter train_net=1:string test_net=2:string* test_iter=3:int32* test_interval=4:int32 base_lr=5:float \
    display=6:int32 max_iter=7:int32 lr_policy=8:string gamma=9:float power=10:float momentum=11:float \
    weight_decay=12:float stepsize=13:int32 snapshot=14:int32 snapshot_prefix=15:string snapshot_diff=16:bool \
    solver_mode=17:CPU|GPU device_id=18:int32 test_compute_loss=19:bool random_seed=20:int64 \
    train_net_param=21:NetParameter test_net_param=22:NetParameter* debug_info=23:bool net=24:string \
    net_param=25:NetParameter train_state=26:NetState test_state=27:NetState* snapshot_after_train=28:bool \
    regularization_type=29:string solver_type=30:SGD|NESTEROV|ADAGRAD|RMSPROP|ADADELTA|ADAM delta=31:float \
    test_initialization=32:bool average_loss=33:int32 stepvalue=34:int32* clip_gradients=35:float iter_size=36:int32 \
    snapshot_format=37:HDF5|BINARYPROTO rms_decay=38:float momentum2=39:float type=40:string \
    layer_wise_reduce=41:bool weights=42:string* xdn_param=20190:XdnSolverParameter
XdnSolverParameter data=1:string batch_size=2:uint32 epochs=3:uint32 pad=4:uint32 pad_mode=5:ZERO|REFLECT \
    mirror=6:bool holdout=7:uint32 warmup_iter=8:uint32 warmup=9:float initial_factor=10:float \
    final_factor=11:float low_momentum=12:float label_smoothing=13:float teacher=14:string* temperature=15:float \
    alpha=16:float bf16=17:AUTO|ON|OFF bn_momentum=18:float freeze_bn=19:bool test_data=20:string
"""

#: What is pruned, by what, and how far: XDN's own file.
PRUNING = """
PruneParameter budget=1:string criterion=2:string schedule=3:string least=4:float inner_first=5:bool steps=6:uint32 \
    reconstruct=7:bool images=8:uint32 seed=9:uint32 group=10:PruneRule*
PruneRule layer=1:string ratio=2:float criterion=3:string
"""

#: What stands in training nets: data layers, losses, measures.
TRAINING = """
TransformationParameter scale=1:float mirror=2:bool crop_size=3:uint32 mean_file=4:string mean_value=5:float* \
    force_color=6:bool force_gray=7:bool resize_param=8:ResizeParameter noise_param=9:NoiseParameter \
    emit_constraint=10:EmitConstraint crop_h=11:uint32 crop_w=12:uint32 distort_param=13:DistortionParameter \
    expand_param=14:ExpansionParameter
ResizeParameter prob=1:float resize_mode=2:WARP@1|FIT_SMALL_SIZE@2|FIT_LARGE_SIZE_AND_PAD@3 height=3:uint32 \
    width=4:uint32 pad_mode=5:CONSTANT@1|MIRRORED@2|REPEAT_NEAREST@3 pad_value=6:float* \
    interp_mode=7:LINEAR@1|AREA@2|NEAREST@3|CUBIC@4|LANCZOS4@5* height_scale=8:uint32 width_scale=9:uint32
NoiseParameter prob=1:float hist_eq=2:bool inverse=3:bool decolorize=4:bool gauss_blur=5:bool jpeg=6:float \
    posterize=7:bool erode=8:bool saltpepper=9:bool clahe=11:bool convert_to_hsv=12:bool convert_to_lab=13:bool
DistortionParameter brightness_prob=1:float brightness_delta=2:float contrast_prob=3:float contrast_lower=4:float \
    contrast_upper=5:float hue_prob=6:float hue_delta=7:float saturation_prob=8:float saturation_lower=9:float \
    saturation_upper=10:float random_order_prob=11:float
ExpansionParameter prob=1:float max_expand_ratio=2:float
EmitConstraint emit_type=1:CENTER|MIN_OVERLAP emit_overlap=2:float
LossParameter ignore_label=1:int32 normalize=2:bool normalization=3:FULL|VALID|BATCH_SIZE|NONE
AccuracyParameter top_k=1:uint32 axis=2:int32 ignore_label=3:int32
DataParameter source=1:string scale=2:float mean_file=3:string batch_size=4:uint32 crop_size=5:uint32 mirror=6:bool \
    rand_skip=7:uint32 backend=8:LEVELDB|LMDB force_encoded_color=9:bool prefetch=10:uint32 shuffle=12:bool \
    cache=14:bool threads=15:uint32 parser_threads=16:uint32
DummyDataParameter data_filler=1:FillerParameter* num=2:uint32* channels=3:uint32* height=4:uint32* width=5:uint32* \
    shape=6:BlobShape*
HDF5DataParameter source=1:string batch_size=2:uint32 shuffle=3:bool
HDF5OutputParameter file_name=1:string
ImageDataParameter source=1:string scale=2:float mean_file=3:string batch_size=4:uint32 crop_size=5:uint32 \
    mirror=6:bool rand_skip=7:uint32 shuffle=8:bool new_height=9:uint32 new_width=10:uint32 is_color=11:bool \
    root_folder=12:string new_length=2001:uint32
VideoDataParameter source=1:string scale=2:float mean_file=3:string batch_size=4:uint32 crop_size=5:uint32 \
    mirror=6:bool rand_skip=7:uint32 shuffle=8:bool new_height=9:uint32 new_width=10:uint32 is_color=11:bool \
    root_folder=12:string new_length=13:uint32 show_data=14:bool use_image=15:bool use_temporal_jitter=16:bool \
    sampling_rate=17:uint32 max_sampling_rate=18:uint32 use_sampling_rate_jitter=19:bool use_multiple_label=20:bool \
    num_of_labels=21:uint32
MemoryDataParameter batch_size=1:uint32 channels=2:uint32 height=3:uint32 width=4:uint32
WindowDataParameter source=1:string scale=2:float mean_file=3:string batch_size=4:uint32 crop_size=5:uint32 \
    mirror=6:bool fg_threshold=7:float bg_threshold=8:float fg_fraction=9:float context_pad=10:uint32 \
    crop_mode=11:string cache_images=12:bool root_folder=13:string
ContrastiveLossParameter margin=1:float legacy_version=2:bool
HingeLossParameter norm=1:L1@1|L2@2
InfogainLossParameter source=1:string axis=2:int32
SmoothL1LossParameter sigma=1:float
AnnotatedDataParameter batch_sampler=1:BatchSampler* label_map_file=2:string anno_type=3:BBOX@0
BatchSampler use_original_image=1:bool sampler=2:Sampler sample_constraint=3:SampleConstraint max_sample=4:uint32 \
    max_trials=5:uint32
Sampler min_scale=1:float max_scale=2:float min_aspect_ratio=3:float max_aspect_ratio=4:float
SampleConstraint min_jaccard_overlap=1:float max_jaccard_overlap=2:float min_sample_coverage=3:float \
    max_sample_coverage=4:float min_object_coverage=5:float max_object_coverage=6:float
DetectionEvaluateParameter num_classes=1:uint32 background_label_id=2:uint32 overlap_threshold=3:float \
    evaluate_difficult_gt=4:bool name_size_file=5:string resize_param=6:ResizeParameter
CConvolutionParameter gamma=1:float power=2:float iter_stop=3:float c_rate=4:float \
    weight_mask_filler=5:FillerParameter bias_mask_filler=6:FillerParameter is_pruning=7:bool upper_bound=8:float \
    inter_iter=9:int32
CInnerProductParameter gamma=1:float power=2:float iter_stop=3:float c_rate=4:float \
    weight_mask_filler=5:FillerParameter bias_mask_filler=6:FillerParameter is_pruning=7:bool upper_bound=8:float \
    inter_iter=9:int32
MultiBoxLossParameter loc_loss_type=1:L2|SMOOTH_L1 conf_loss_type=2:SOFTMAX|LOGISTIC loc_weight=3:float \
    num_classes=4:uint32 share_location=5:bool match_type=6:BIPARTITE|PER_PREDICTION overlap_threshold=7:float \
    use_prior_for_matching=8:bool background_label_id=9:uint32 use_difficult_gt=10:bool do_neg_mining=11:bool \
    neg_pos_ratio=12:float neg_overlap=13:float code_type=14:CORNER@1|CENTER_SIZE@2|CORNER_SIZE@3 \
    encode_variance_in_target=16:bool map_object_to_agnostic=17:bool ignore_cross_boundary_bbox=18:bool \
    bp_inside=19:bool mining_type=20:NONE|MAX_NEGATIVE|HARD_EXAMPLE nms_param=21:NonMaximumSuppressionParameter \
    sample_size=22:int32 use_prior_for_nms=23:bool
"""

#: What other inference layers use.
OTHERS = """
NonMaximumSuppressionParameter nms_threshold=1:float top_k=2:int32 eta=3:float
ParameterParameter shape=1:BlobShape
PythonParameter module=1:string layer=2:string param_str=3:string share_in_parallel=4:bool
RecurrentParameter num_output=1:uint32 weight_filler=2:FillerParameter bias_filler=3:FillerParameter \
    debug_info=4:bool expose_hidden=5:bool
SaveOutputParameter output_directory=1:string output_name_prefix=2:string output_format=3:string \
    label_map_file=4:string name_size_file=5:string num_test_image=6:uint32 resize_param=7:ResizeParameter
HappynearNormalizeParameter normalize_type=1:string fix_gradient=2:bool bp_norm=3:bool
SoftmaxParameter normalize_type=2001:string label_smooth_factor=2002:float
SpatialPyramidPoolingParameter pool=1:MAX|AVE|STOCHASTIC spatial_bin=2:uint32* scale=3:float
Convolution3DParameter num_output=1:uint32 bias_term=2:bool pad=3:uint32 kernel_size=4:uint32 group=5:uint32 \
    kernel_depth=6:uint32 stride=7:uint32 temporal_stride=8:uint32 weight_filler=9:FillerParameter \
    bias_filler=10:FillerParameter filter_group=11:uint32 temporal_pad=12:uint32
Pooling3DParameter pool=1:MAX|AVE|STOCHASTIC kernel_size=2:uint32 stride=3:uint32 pad=4:uint32 kernel_depth=5:uint32 \
    temporal_stride=6:uint32
ConvolutionParameter kernel_depth=2001:uint32 temporal_stride=2002:uint32 temporal_pad=2003:uint32 \
    filter_group=2004:uint32
PoolingParameter kernel_depth=2001:uint32 temporal_stride=2002:uint32
"""

#: Fields of LayerParameter that hold those messages. The numbers from 2000 on are ours: they belong to branches
#: of Caffe that gave numbers of their own, which text does not show.
LAYER_FIELDS = """
LayerParameter accuracy_param=102 contrastive_loss_param=105 data_param=107 dummy_data_param=109 \
    hdf5_data_param=112:HDF5DataParameter hdf5_output_param=113:HDF5OutputParameter hinge_loss_param=114 \
    image_data_param=115 infogain_loss_param=116 memory_data_param=119 window_data_param=129 python_param=130 \
    parameter_param=145 recurrent_param=146 annotated_data_param=200 multibox_loss_param=201:MultiBoxLossParameter \
    detection_evaluate_param=205 smooth_l1_loss_param=2006 cconvolution_param=2020:CConvolutionParameter \
    cinner_product_param=2021:CInnerProductParameter spatial_pyramid_pooling_param=2022 \
    normalize_param=2023:HappynearNormalizeParameter video_data_param=6660 \
    convolution3d_param=6661:Convolution3DParameter pooling3d_param=6662:Pooling3DParameter
V1LayerParameter accuracy_param=27 contrastive_loss_param=40 data_param=11 dummy_data_param=26 \
    hdf5_data_param=13:HDF5DataParameter hdf5_output_param=14:HDF5OutputParameter hinge_loss_param=29 \
    image_data_param=15 infogain_loss_param=16 memory_data_param=22 window_data_param=20 \
    spatial_pyramid_pooling_param=2022
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
