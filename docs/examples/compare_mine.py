"""Which of two is faster, and does mixed precision pay? `python docs/examples/compare_mine.py`; it takes minutes."""

from my_model import LanguageModel, loss, sentences

import rnnbench

model, batch = LanguageModel(), sentences()
print(rnnbench.compare(model, LanguageModel(layers=2), batch, loss=loss, names=("3 layers", "2 layers")))
print(rnnbench.compare(model, model, batch, loss=loss, set_b={"precision": "bf16"}, names=("fp32", "bf16")))
