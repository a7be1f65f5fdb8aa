"""Prepares torch for the stand-in as soon as it is imported. Put this folder on PYTHONPATH; STANDIN_VALUES=1 gives real values too."""

import os
import sys
from importlib.machinery import PathFinder


class AfterTorch:
    """An import hook that finds torch once and calls `prepare` after it has been executed."""

    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            prepare(module)

        spec.loader.exec_module = exec_module
        return spec


def prepare(torch):
    torch.backends.cuda.enable_cudnn_sdp(False)  # the stand-in's cuDNN has no plan for attention
    if os.environ.get("STANDIN_VALUES") == "1":
        import standin_values

        standin_values.install()


sys.meta_path.insert(0, AfterTorch())
