"""Trains the tiny model as one of several processes (torchrun starts it): `distributed.py MODEL OUT`. The first process writes
the losses and the weights' checksum. Also run alone, for the comparison.
"""

import json
import sys
from pathlib import Path

from rationale_training.manifest import is_main_process
from rationale_training.refine.training import Item, Training, fit, load_model, make_accelerator


def main() -> None:
    model_folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    # Seven rows an update: two processes get four and three, and one makes a forward without weight.
    training = Training(steps=3, batch_size=7, micro_batch_size=2, learning_rate=1e-3, dtype="float32")
    items = [Item([5 + (i * 7 + j) % 90 for j in range(10 + i)], 5 + i % 3, 0.2 + 0.2 * (i % 4)) for i in range(9)]
    accelerator = make_accelerator(training)
    model = load_model(model_folder, training)
    fitted = fit(model, items, training, seed=3, accelerator=accelerator)
    if is_main_process():
        sums = [float(p.detach().double().abs().sum()) for p in model.parameters()]
        result = {"processes": accelerator.num_processes, "losses": fitted.losses, "sums": sums}
        out.write_text(json.dumps(result), encoding="utf-8")
    accelerator.end_training()


main()
