"""Every word of a report, in English and Chinese: one dictionary, a pair for each key."""

from typing import Any

LANGUAGES = EN, ZH = "en", "zh"

#: Key -> the text in English and in Chinese; braces hold what is filled in.
WORDS: dict[str, tuple[str, str]] = {
    # The page.
    "report": ("XDN report", "XDN 性能报告"),
    "sections": ("Sections", "目录"),
    "search": ("Search", "搜索"),
    "search_in": ("Search the rows of: {title}", "在“{title}”中搜索"),
    "left_out": (
        "The first {shown} of {total} rows are shown; a .csv has all.",
        "仅显示前 {shown} 行，共 {total} 行；.csv 文件包含全部。",
    ),
    "made": ("Made by XDN {version} on {date}", "由 XDN {version} 生成于 {date}"),
    # How texts are joined.
    "titled": ("{title}: {rest}", "{title}：{rest}"),
    "comma": (", ", "，"),
    # The three figures.
    "accuracy": ("Accuracy", "准确率"),
    "time": ("Time", "耗时"),
    "size": ("Size", "模型大小"),
    "before": ("before", "优化前"),
    "after": ("after", "优化后"),
    "unknown": ("not measured", "未测量"),
    "points": ("{points} points", "{points} 个百分点"),
    "top5": ("top-5 {percent} %", "top-5 为 {percent} %"),
    "of_images": ("{images} images", "{images} 张图像"),
    "times_as_fast": ("{factor} times as fast", "速度为原来的 {factor} 倍"),
    "per_second": ("{rate} images/s", "每秒 {rate} 张"),
    "of_before": ("{percent} % of before", "为原来的 {percent} %"),
    "macs_of": ("{macs} MACs an image", "每张图像 {macs} 次乘加"),
    "parameters_of": ("{parameters} parameters", "{parameters} 个参数"),
    # The waterfall.
    "waterfall": ("Step by step", "逐步优化"),
    "waterfall_about": (
        "Time of each configuration; the factor is that over the step before, the last column that over the first.",
        "各配置的耗时；“倍数”相对于上一步，“累计”相对于第一步。",
    ),
    "step": ("step", "步骤"),
    "contest_time": ("time of all images", "全部图像耗时"),
    "factor": ("factor", "倍数"),
    "total_factor": ("from the start", "累计"),
    "threads": ("threads", "线程数"),
    "spread": ("spread", "波动"),
    "at_the_peak": ("its multiplications at the machine's peak", "按机器峰值计算的理论耗时"),
    # Other engines.
    "engines": ("Beside other engines", "与其他引擎的对比"),
    "engines_about": (
        "The same inputs, as many threads, in turn; each engine with the batch size that it is fastest with.",
        "相同输入、相同线程数、轮流计时；各引擎均使用其最快的批大小。",
    ),
    "run_as": ("run as", "运行方式"),
    "over_own": ("/ XDN", "相对 XDN"),
    "outputs_differ": ("outputs differ by", "输出差异"),
    "nets": ("Nets and engines", "网络与引擎"),
    "nets_about": (
        "The same images and number of threads, in turn; each engine with the batch size and the way to run that it is "
        "fastest with. A factor above 1 says that XDN is faster.",
        "相同图像、相同线程数、轮流计时；各引擎均使用其最快的批大小与运行方式。倍数大于 1 表示 XDN 更快。",
    ),
    "net": ("net", "网络"),
    "timed": ("timed", "计时对象"),
    "best_other": ("fastest other", "其他引擎中最快者"),
    # Comparison.
    "comparison": ("Comparison", "对比"),
    "comparison_about": (
        "The last column compares the last run with the first; differences within the noise of both are not marked.",
        "末列为最后一次运行相对于第一次的变化；处于噪声范围内的差异不作标记。",
    ),
    "figure": ("figure", "指标"),
    "difference": ("difference", "差异"),
    "within_noise": ("within the noise", "在噪声范围内"),
    "layers_compared": ("Layer by layer, before and after", "逐层对比"),
    "images_a_second": ("images a second", "吞吐量（张/秒）"),
    "latency_of": ("latency {percentile}, batch {batch}", "延迟 {percentile}，批大小 {batch}"),
    "weights": ("weights", "权重"),
    "compile": ("planning and compiling", "规划与编译"),
    "load": ("loading", "加载"),
    "engine": ("engine", "引擎"),
    "data": ("data", "数据"),
    "images": ("images", "图像数"),
    "precision": ("precision", "精度"),
    "top1": ("accuracy, top-1", "top-1 准确率"),
    "top5_row": ("accuracy, top-5", "top-5 准确率"),
    "macs_executed": ("MACs executed an image", "每张图像执行的乘加次数"),
    "layers_run": ("layers run", "执行的层数"),
    "activations": ("activations a thread", "每线程激活内存"),
    # Layers.
    "layers": ("Layers", "各层明细"),
    "layers_about": (
        "{images} images in {ms}, {threads}. Predicted is what the machine's arithmetic, caches and memory let expect.",
        "{images} 张图像共耗时 {ms}，{threads}。“预测”根据机器的算力、缓存与内存推算。",
    ),
    "threads_of": ("threads: {number}", "{number} 个线程"),
    "layer": ("layer", "层"),
    "type": ("type", "类型"),
    "ms": ("ms", "毫秒"),
    "share": ("share", "占比"),
    "predicted": ("predicted", "预测"),
    "measured_over": ("measured / predicted", "实测 / 预测"),
    "macs": ("MACs/image", "乘加/张"),
    "of_peak": ("of peak", "峰值占比"),
    "kernel": ("kernel", "内核"),
    "shape": ("shape", "形状"),
    "error": ("SQNR, dB", "量化信噪比 dB"),
    "moved": ("moved", "数据量"),
    # Roofline.
    "roofline": ("Roofline", "Roofline 模型"),
    "roofline_about": (
        "A point a layer, as large as its share of the time. Lines are what this machine was measured to give: it "
        "multiplies so much, and reads so much from each cache and from memory.",
        "每个点代表一层，面积表示其耗时占比。线条为本机实测上限：计算峰值，以及各级缓存和内存的读带宽。",
    ),
    "roofline_longest": ("Here are the {shown} layers that take longest.", "此处是耗时最长的 {shown} 层。"),
    "intensity": ("arithmetic intensity, FLOP/byte moved", "计算强度（FLOP/字节）"),
    "gflops": ("GFLOP/s", "GFLOP/s"),
    "peak_of": ("{element} peak, {threads}: {gflops} GFLOP/s", "{element} 峰值，{threads}：{gflops} GFLOP/s"),
    "bandwidth_of": ("{name} {gbytes} GB/s", "{name} {gbytes} GB/s"),
    "memory": ("memory", "内存"),
    # The tuner.
    "tuning": ("Tuning", "自动调优"),
    "tuning_about": (
        "{trials} trials by {strategy} in {seconds}: the winner is {factor} times as fast as the default.",
        "{strategy} 策略在 {seconds} 内试验 {trials} 次：最佳配置的速度为默认配置的 {factor} 倍。",
    ),
    "axis": ("axis", "维度"),
    "default": ("default", "默认值"),
    "tuned": ("tuned", "调优后"),
    "gain": ("it brings", "带来的提升"),
    "heat_map": ("Time relative to the default's: the best of each pair", "相对默认配置的耗时：每种组合的最佳值"),
    "chunk": ("images of a chunk", "每块图像数"),
    "time_threads": (
        "Time relative to the default's, by threads: the best of each; pale where fewer are as fast",
        "相对默认配置的耗时与线程数的权衡：各线程数的最佳值；更少线程同样快时为浅色",
    ),
    "best_so_far": ("The best so far, trial by trial", "逐次试验的当前最佳"),
    "trial": ("trial", "试验序号"),
    "relative_time": ("time / default's", "耗时 / 默认耗时"),
    "best": ("best", "最佳"),
    "trials": ("trials", "试验"),
    "operators": ("Tuning of each layer", "逐层调优"),
    "operators_scores": (
        "Time relative to the rules': all choices of each operator",
        "相对规则选择的耗时：各算子的全部候选",
    ),
    "operator": ("operator", "算子"),
    # Time against accuracy.
    "pareto": ("Time against accuracy", "耗时与准确率的权衡"),
    "pareto_about": (
        "What nothing else beats in both is in colour, and on the line; taken: {taken}.",
        "彩色、位于折线上的点无法在两项上同时被超越；采用：{taken}。",
    ),
    "pareto_memory": ("Time against memory", "耗时与内存的权衡"),
    "memory_mib": ("MiB of weights, and of activations of all threads", "权重与全部线程的激活内存（MiB）"),
    "pareto_runs": (
        "What nothing else beats in both is in colour, and on the line.",
        "彩色、位于折线上的点无法在两项上同时被超越。",
    ),
    "loss_points": ("points lost", "损失的百分点"),
    "accuracy_percent": ("accuracy, %", "准确率（%）"),
    "seconds_images": ("seconds for {images} images", "{images} 张图像的耗时（秒）"),
    "ms_images": ("ms for {images} images", "{images} 张图像的耗时（毫秒）"),
    "faster": ("faster", "加速比"),
    "why": ("why", "原因"),
    "candidate": ("precision", "精度"),
    # Stages.
    "stages": ("What the optimizer did", "优化器各阶段"),
    "stages_about": (
        "Multiplications of an image and parameters after each stage; the outputs moved by {difference} at most.",
        "各阶段之后每张图像的乘加次数与参数量；输出变化至多 {difference}。",
    ),
    "stage": ("stage", "阶段"),
    "as_read": ("(as read)", "（读入时）"),
    "changes": ("changes", "改动"),
    "refused": ("refused", "未执行"),
    "parameters": ("parameters", "参数量"),
    "moved_by": ("difference", "输出差异"),
    # Pruning.
    "pruning": ("Pruning", "剪枝"),
    "pruning_about": (
        "{macs_before} -> {macs_after} MACs an image, {parameters_before} -> {parameters_after} parameters.",
        "每张图像乘加 {macs_before} -> {macs_after}，参数 {parameters_before} -> {parameters_after}。",
    ),
    "filters": ("filters", "滤波器"),
    "filters_of": ("filters of", "所属层"),
    "left": ("left", "剩余"),
    "criterion": ("criterion", "准则"),
    "importance": (
        "Importance of filters before pruning, from 0 to the largest, where most was lost; heights are logarithms",
        "剪枝前各滤波器的重要性，从 0 到最大值，损失最多的组在前；高度为对数",
    ),
    "importance_gone": ("importance gone", "失去的重要性"),
    "gone_share": ("{share} gone", "失去 {share}"),
    "locked": ("Layers that could not be thinned", "无法剪枝的层"),
    "kept_since": ("kept since", "保留原因"),
    # Quantization.
    "sensitivity": ("What layers lose by 8-bit integers", "8 位量化的逐层敏感度"),
    "sensitivity_about": (
        "Accuracy: {f32} in f32, {quantized} quantized, on {images} images that scales were not chosen by.",
        "准确率：f32 为 {f32}，量化后为 {quantized}（{images} 张未用于校准的图像）。",
    ),
    "cosine": ("cosine", "余弦相似度"),
    "alone": ("it alone, %", "仅量化该层 %"),
    "others": ("all others, %", "量化其余层 %"),
    "exact": ("exact", "无误差"),
    "sqnr_bars": ("Signal over quantization noise, dB: short bars lose most", "信噪比（dB）：条越短损失越大"),
    "histograms": (
        "Magnitudes of the values that are read as integers; heights are logarithms",
        "整数读取值的幅度分布（对数高度）",
    ),
    "up_to": ("up to {most}", "至 {most}"),
    "kept_f32": ("Layers that stay in f32 or bf16", "保持 f32 或 bf16 的层"),
    # Training.
    "training": ("Training", "训练曲线"),
    "training_about": ("{data}: accuracy {percent} %, {seconds}.", "{data}：准确率 {percent} %，用时 {seconds}。"),
    "epoch": ("epoch", "轮次"),
    "loss": ("loss", "损失"),
    "test_loss": ("test loss", "测试损失"),
    "test_accuracy": ("accuracy, %", "准确率（%）"),
    "lr": ("learning rate", "学习率"),
    # Classes.
    "classes": ("Class by class", "各类别准确率"),
    "class": ("class", "类别"),
    "correct": ("correct", "正确数"),
    "taken_for": ("most often taken for", "最常被误判为"),
    # Noise.
    "noise": ("Noise", "测量噪声"),
    "noise_about": (
        "How far the repetitions of each run lie apart, and single requests by their percentiles.",
        "每次重复的耗时及其离散程度；单次请求以百分位数表示。",
    ),
    "run": ("run", "运行"),
    "median": ("median", "中位数"),
    "least": ("fastest", "最快"),
    "most": ("slowest", "最慢"),
    "repetitions": ("repetitions", "重复次数"),
    "requests": ("requests", "请求数"),
    # Machine.
    "machine": ("Machine and versions", "机器与版本"),
    "processor": ("processor", "处理器"),
    "cpus": ("processors that could be used", "可用处理器数"),
    "system": ("system", "系统"),
    "written": ("written", "生成时间"),
    "one_thread": ("1 thread", "单线程"),
    "all_threads": ("{threads} threads", "{threads} 线程"),
    "what": ("what", "项目"),
    "unit": ("unit", "单位"),
    "multiplies": ("{element} multiply-adds", "{element} 乘加"),
    "reads_from": ("read from {name}", "从 {name} 读取"),
    "gmacs": ("10⁹ a second", "10⁹ 次/秒"),
    "gbytes": ("10⁹ bytes a second", "10⁹ 字节/秒"),
    "ghz": ("clock", "主频"),
    "ceilings": ("What the machine gives", "机器实测性能"),
    "ceilings_unsure": (
        "Marked figures (~) may have been disturbed by other programs.",
        "带 ~ 的数值可能受到其他程序干扰。",
    ),
    # Drawings of nets.
    "net_graph": ("Net", "网络结构"),
    "net_before": ("As it is read", "优化前"),
    "net_after": ("As it runs, optimized and fused", "优化与融合后"),
    "layers_macs": ("{layers} layers, {macs} MACs an image", "{layers} 层，每张图像 {macs} 次乘加"),
    "time_scale": ("share of the longest layer's time, from little to much", "相对最慢层的耗时，由低到高"),
    "fold_note": (
        "A dashed box is the last one of the column before, once more.",
        "虚线框重复上一列末尾的层。",
    ),
    # Commands.
    "commands": ("How to make these results again", "复现命令"),
    "command": ("command", "命令"),
    "no_command": ("The file does not say which command wrote it.", "该文件未记录生成它的命令。"),
}


class Words:
    """The words of one language.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.
    """

    def __init__(self, language: str = EN):
        self.language, self._place = language, LANGUAGES.index(language)

    def __call__(self, key: str, **fields: Any) -> str:
        """Return the text of a key, filled in."""
        return WORDS[key][self._place].format(**fields)

    def titled(self, key: str, rest: str | None) -> str:
        """Return the text of a key as a title, with `rest` after it unless that is None."""
        return self(key) if rest is None else self("titled", title=self(key), rest=rest)

    def joined(self, *texts: str) -> str:
        """Return texts with commas between them, those that are not empty."""
        return self("comma").join(filter(None, texts))
