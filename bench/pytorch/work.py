"""What the benchmarks ask of PyTorch. Models and batches are made on first use and kept; only the work itself is timed."""
import time

import torch

from decoder import Decoder

_models = {}
_kept = {}


def model_of(shape, path=None):
    key = (tuple(sorted(shape.items())), path)
    if key not in _models:
        torch.manual_seed(1)
        _models.clear()  # One at a time: the large ones would not fit together.
        _kept.clear()
        model = Decoder(shape)
        if path:
            model.load(path)
        _models[key] = model
    return _models[key]


def optimizer_of(model, rate=1e-6):
    if "optimizer" not in _kept:
        _kept["optimizer"] = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.999), weight_decay=0.01)
    return _kept["optimizer"]


def batch_of(sequences, prompts):
    """Right-padded ids, lengths of prompts and responses."""
    width = max(len(sequence) for sequence in sequences)
    ids = torch.zeros(len(sequences), width, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
    prompt = torch.tensor(prompts)
    return ids, prompt, torch.tensor([len(sequence) for sequence in sequences]) - prompt


def training(shape, sequences, prompts, micro_batch):
    """Forward, backward and AdamW of one update, in micro-batches."""
    model = model_of(shape)
    optimizer = optimizer_of(model)
    parts = [batch_of(sequences[i : i + micro_batch], prompts[i : i + micro_batch]) for i in range(0, len(sequences), micro_batch)]
    count = sum(part[2].sum().item() for part in parts)
    start = time.perf_counter()
    optimizer.zero_grad()
    for ids, prompt, response in parts:
        chosen, mask = model.log_probabilities(ids, prompt, response)
        (-(chosen * mask).sum() / count).backward()
    optimizer.step()
    return {"seconds": time.perf_counter() - start}


def scoring(shape, sequences, prompts, micro_batch):
    """Log-probabilities of the responses."""
    model = model_of(shape)
    parts = [batch_of(sequences[i : i + micro_batch], prompts[i : i + micro_batch]) for i in range(0, len(sequences), micro_batch)]
    start = time.perf_counter()
    with torch.no_grad():
        for ids, prompt, response in parts:
            model.log_probabilities(ids, prompt, response)
    return {"seconds": time.perf_counter() - start}


def left_padded(prompts, samples):
    width = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts]).repeat_interleave(samples, 0)
    return ids, torch.tensor([len(prompt) for prompt in prompts]).repeat_interleave(samples)


def lengths_of(tokens, stop):
    """Tokens of each row up to its stop token, that included."""
    stopped = tokens == stop
    first = torch.where(stopped.any(1), stopped.float().argmax(1) + 1, torch.full((len(tokens),), tokens.shape[1]))
    return first


def generation(shape, path, prompts, samples, new_tokens, stop):
    """Samples each prompt so many times; all rows in one batch."""
    model = model_of(shape, path)
    ids, lengths = left_padded(prompts, samples)
    start = time.perf_counter()
    tokens = model.generate(ids, lengths, new_tokens, stop)
    seconds = time.perf_counter() - start
    count = tokens.numel() if stop is None else int(lengths_of(tokens, stop).sum())
    return {"seconds": seconds, "tokens": count}


def scores_of(text, answer):
    """The quick-start's three rewards: right answer, few characters, steps shown."""
    boxed = text.rsplit("\\boxed{", 1)[1].split("}", 1)[0] if "\\boxed{" in text else ""
    return [float(boxed.strip() == answer), max(0.0, 1 - len(text) / 80), min(1.0, text.count("=") / 4)]


def rl_step(shape, path, vocabulary, prompts, answers, samples, new_tokens, stop, updates, micro_batch, rate, measure):
    """One step: sample, score, log-probabilities of the sampling policy, advantages, clipped updates, and the pass that measures what changed."""
    model = model_of(shape, path)
    optimizer = optimizer_of(model, 0.0 if rate is None else rate)
    phases = {}
    begin = start = time.perf_counter()

    def lap(name):
        nonlocal start
        now = time.perf_counter()
        phases[name] = phases.get(name, 0) + now - start
        start = now

    ids, lengths = left_padded(prompts, samples)
    tokens = model.generate(ids, lengths, new_tokens, stop)
    lap("generate")
    response = lengths_of(tokens, stop).tolist()
    rows = tokens.tolist()
    texts = ["".join(vocabulary[id] for id in row[:length]) for row, length in zip(rows, response)]
    scores = torch.tensor([scores_of(text, answers[i // samples]) for i, text in enumerate(texts)])
    lap("score")
    groups = scores.view(len(prompts), samples, -1)
    centred = groups - groups.mean(1, keepdim=True)
    reward = (centred / (centred.std(dim=(0, 1), keepdim=True) + 1e-6)).mean(-1).reshape(-1)
    advantage = (reward - reward.mean()) / (reward.std() + 1e-6)
    sequences = [prompts[i // samples] + row[:length] for i, (row, length) in enumerate(zip(rows, response))]
    prompt_lengths = [len(prompts[i // samples]) for i in range(len(sequences))]
    size = len(sequences) // updates
    parts = [
        [(batch_of(sequences[i : i + micro_batch], prompt_lengths[i : i + micro_batch]), advantage[i : i + micro_batch]) for i in range(u * size, (u + 1) * size, micro_batch)]
        for u in range(updates)
    ]
    lap("weigh")

    def probabilities():
        with torch.no_grad():
            return [[model.log_probabilities(*batch)[0] for batch, _ in part] for part in parts]

    old = probabilities()
    lap("old log-probabilities")
    for part, before in zip(parts, old):
        count = sum(batch[2].sum().item() for batch, _ in part)
        optimizer.zero_grad()
        for (batch, gain), sampled in zip(part, before):
            chosen, mask = model.log_probabilities(*batch)
            ratio = torch.exp(chosen - sampled)
            gain = gain[:, None]
            loss = -torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain)
            ((loss * mask).sum() / count).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    lap("update")
    if measure:
        probabilities()
        lap("measure")
    return {"seconds": time.perf_counter() - begin, "phases": phases, "tokens": sum(response)}


def objectives(shape, sequences, prompts, rows):
    """Gradients of so many objectives by a backward pass each, their Gram matrix, the mean of them into AdamW. One row: a plain update."""
    model = model_of(shape)
    optimizer = optimizer_of(model)
    ids, prompt, response = batch_of(sequences, prompts)
    gains = torch.linspace(-1, 1, rows * len(sequences)).view(rows, -1, 1)
    parameters = list(model.parameters())
    start = time.perf_counter()
    chosen, mask = model.log_probabilities(ids, prompt, response)
    losses = [-(chosen * mask * gains[m]).sum() for m in range(rows)]
    if rows == 1:
        optimizer.zero_grad()
        losses[0].backward()
    else:
        gradients = [torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters, retain_graph=m < rows - 1)]) for m, loss in enumerate(losses)]
        stacked = torch.stack(gradients)
        gram = stacked @ stacked.T
        combined = stacked.mean(0) * (1 + 0 * gram[0, 0])
        at = 0
        for parameter in parameters:
            parameter.grad = combined[at : at + parameter.numel()].view_as(parameter)
            at += parameter.numel()
    optimizer.step()
    return {"seconds": time.perf_counter() - start}
