"""Runs one training step of a twin from our state and with our random numbers, so that a law can compare the two steps.

Each line is an object in JSON, and a tensor in it is {"dtype", "shape", "data"} with its bytes in base64. A request has the twin's name, the precision,
the settings of the optimizers and the state. While the step runs, each line of output asks for random numbers and the next line of input has them. The
last line of output has the losses of the step's updates and the state after it.
"""
import base64
import json
import operator
import sys

import numpy
import torch

import twins

DTYPES = {"f4": numpy.float32, "f8": numpy.float64, "i8": numpy.int64}


def read(value):
    flat = numpy.frombuffer(base64.b64decode(value["data"]), DTYPES[value["dtype"]])
    tensor = torch.from_numpy(flat.reshape(value["shape"]).copy())
    return tensor.to(torch.get_default_dtype()) if value["dtype"] == "f4" else tensor


def written(value):
    flat = (value.detach() if torch.is_tensor(value) else torch.tensor([value])).double().numpy()
    return {"dtype": "f8", "shape": list(flat.shape), "data": base64.b64encode(flat.tobytes()).decode()}


def say(line):
    print(json.dumps(line), flush=True)


def heard():
    return json.loads(sys.stdin.readline())


class Given(twins.Draws):
    """Our random numbers."""

    def ask(self, what, *shape, **more):
        say({"ask": what, "shape": shape, **more})
        return read(heard())

    def normal(self, *shape):
        return self.ask("normal", *shape)

    def uniform(self, *shape):
        return self.ask("uniform", *shape)

    def integers(self, below, count):
        return self.ask("integers", count, below=below)

    def category(self, logits):
        u = self.uniform(*logits.shape).clamp(min=1e-30)
        return (logits - u.log().neg().log()).argmax(-1)

    def rows(self, data, count):
        return self.ask("rows", count)

    def slots(self, of, count):
        return self.ask("slots", count, below=of)

    def unused(self, times, *shape):
        for _ in range(times):
            self.normal(*shape)


def load(twin, request):
    twin.SIZE = request["batch"]
    for name, part in request["parts"].items():
        group = twin.optimizers[name].param_groups[0]
        group.update(lr=request["rate"] * part["lr"], betas=part["betas"])
        twin.clip[name] = part["clip"]
        assert len(part["weights"]) == len(twin.parts[name]), f"{name}: {len(part['weights'])} weights, not {len(twin.parts[name])}"
        for weight, sent in zip(twin.parts[name], part["weights"]):
            assert list(weight.shape) == sent["weight"]["shape"], f"{name}: {list(weight.shape)} is not {sent['weight']['shape']}"
            weight.data.copy_(read(sent["weight"]))
            at = next(i for i, w in enumerate(twin.weights) if w is weight)
            twin.averages[at].copy_(read(sent["average"]))
            twin.optimizers[name].state[weight] = {
                "step": torch.tensor(float(sent["step"])),
                "exp_avg": read(sent["mean"]),
                "exp_avg_sq": read(sent["square"]),
            }
    for weight, sent in zip(twin.apart, request["apart"]):
        weight.data.copy_(read(sent))
    for ours, path in twin.LASTS.items():
        owner, _, attribute = path.rpartition(".")
        owner = operator.attrgetter(owner)(twin) if owner else twin
        value = read(request["lasts"][ours])
        setattr(owner, attribute, int(value) if isinstance(getattr(owner, attribute), int) else value)


def after(twin, request):
    return {
        "losses": twin.losses,
        "parts": {
            name: [
                {
                    "weight": written(weight),
                    "average": written(next(a for a, w in zip(twin.averages, twin.weights) if w is weight)),
                    "mean": written(twin.optimizers[name].state[weight]["exp_avg"]),
                    "square": written(twin.optimizers[name].state[weight]["exp_avg_sq"]),
                }
                for weight in twin.parts[name]
            ]
            for name in request["parts"]
        },
        "apart": [written(weight) for weight in twin.apart],
        "lasts": {ours: written(operator.attrgetter(path)(twin)) for ours, path in twin.LASTS.items()},
    }


torch.set_num_threads(1)
twins.draws = Given()
say({"torch": torch.__version__})
for line in sys.stdin:
    request = json.loads(line)
    torch.set_default_dtype(torch.float64 if request["double"] else torch.float32)
    twins.LOW = torch.get_default_dtype()
    try:
        twins.JointCdOfPictures.NET = request["net"]
        twin = twins.TWINS[request["name"]]()
        load(twin, request)
        twin.step()
        say(after(twin, request))
    except ImportError as missing:
        say({"lacks": str(missing)})
