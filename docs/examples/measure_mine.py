"""Step time and memory of a model of one's own, in two precisions: `python docs/examples/measure_mine.py`."""

from my_model import LanguageModel, loss, sentences

import rnnbench

model, batch = LanguageModel(), sentences()
records = rnnbench.measure(model, batch, loss=loss, precision=("fp32", "bf16"), clip_norm=(None, 1.0), budget="quick")
print(records)
