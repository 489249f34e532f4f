#!/usr/bin/env python3
"""The PyTorch twin of bench/gpu-check: the same shapes through Hugging Face transformers and PyTorch eager.

Adds JSON lines to a file: training (forward + backward, AdamW) and generation with a key/value cache.
"""
import argparse
import json
import platform
import statistics
import time
import traceback

import torch
import transformers
from transformers import Qwen2Config, Qwen2ForCausalLM

SHAPES = {
    "qwen2.5-1.5b": dict(hidden_size=1536, intermediate_size=8960, num_hidden_layers=28, num_attention_heads=12, num_key_value_heads=2, vocab_size=151936),
    "qwen2.5-0.5b": dict(hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2, vocab_size=151936),
    "tiny": dict(hidden_size=64, intermediate_size=176, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=512),
}
# name: (type of the weights, TF32 products, autocast)
TYPES = {
    "float32": (torch.float32, False, False),
    "tf32": (torch.float32, True, False),
    "bfloat16": (torch.bfloat16, False, False),
    "autocast": (torch.float32, True, True),
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--preset", default="qwen2.5-1.5b", choices=SHAPES)
    parser.add_argument("--train", default="float32:sdpa,tf32:sdpa,bfloat16:sdpa,bfloat16:eager,autocast:sdpa", help="TYPE:ATTENTION,...")
    parser.add_argument("--generate", default="float32:64,float32:256,bfloat16:64,bfloat16:256", help="TYPE:ROWS,...")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1e9, help="start no further measurement after this time")
    parser.add_argument("--json", default=None)
    return parser.parse_args()


def add(options, record):
    line = json.dumps(record)
    print(line, flush=True)
    if options.json:
        with open(options.json, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def wait(options):
    if options.device == "cuda":
        torch.cuda.synchronize()


def timed(options, action):
    wait(options)
    start = time.perf_counter()
    result = action()
    wait(options)
    return time.perf_counter() - start, result


def memory(options):
    if options.device != "cuda":
        return {}
    free, total = torch.cuda.mem_get_info()
    return {"memory": total - free, "allocated_peak": torch.cuda.max_memory_allocated(), "reserved_peak": torch.cuda.max_memory_reserved()}


def build(options, kind, attention):
    weights, tf32, _ = TYPES[kind]
    torch.backends.cuda.matmul.allow_tf32 = tf32
    if options.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    config = Qwen2Config(max_position_embeddings=32768, tie_word_embeddings=True, use_cache=True, **SHAPES[options.preset])
    config._attn_implementation = attention
    torch.manual_seed(1)
    torch.set_default_dtype(weights)
    try:
        with torch.device(options.device):
            model = Qwen2ForCausalLM(config)
    finally:
        torch.set_default_dtype(torch.float32)
    assert model.config._attn_implementation == attention, model.config._attn_implementation
    assert next(model.parameters()).dtype == weights
    return model


def train(options, kind, attention):
    model = build(options, kind, attention).train()
    vocabulary = SHAPES[options.preset]["vocab_size"]
    ids = torch.randint(vocabulary, (options.batch, options.length), device=options.device)
    targets = torch.randint(vocabulary, (options.batch, options.length), device=options.device)

    def forward():
        with torch.autocast(options.device, torch.bfloat16, enabled=TYPES[kind][2]):
            hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
            logits = model.lm_head(hidden)
        return -torch.log_softmax(logits.float(), -1).gather(-1, targets.unsqueeze(-1)).mean()

    forwards, backwards = [], []
    for i in range(-2, options.repeats):
        model.zero_grad(set_to_none=False)
        first, loss = timed(options, forward)
        second, _ = timed(options, loss.backward)
        if i >= 0:
            forwards.append(first)
            backwards.append(second)
    value = loss.item()
    del loss
    seconds = statistics.median(f + b for f, b in zip(forwards, backwards))
    record = {
        "part": "train", "who": "pytorch", "device": options.device, "type": kind, "attention": attention, "preset": options.preset,
        "batch": options.batch, "length": options.length, "seconds": seconds, "tokens_per_second": options.batch * options.length / seconds,
        "forward_seconds": statistics.median(forwards), "backward_seconds": statistics.median(backwards), "loss": value,
        **memory(options),
    }
    for name, arguments in (("adamw_seconds", {}), ("adamw_fused_seconds", {"fused": True})):
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, **arguments)
        record[name] = statistics.median([timed(options, optimizer.step)[0] for _ in range(4)][1:])
        if name == "adamw_seconds":
            record.update({"with_adamw_" + key: value for key, value in memory(options).items()})
        optimizer.state.clear()
        del optimizer
    add(options, record)


@torch.no_grad()
def generate(options, kind, rows):
    model = build(options, kind, "sdpa").eval()
    vocabulary = SHAPES[options.preset]["vocab_size"]
    prompts = torch.randint(vocabulary, (max(1, rows // options.samples), options.prompt), device=options.device)

    def loop():
        """The straightforward loop: prompts repeated per sample, cache of the library, full softmax, multinomial."""
        ids, cache, tokens = prompts.repeat_interleave(options.samples, 0), transformers.DynamicCache(), []
        for _ in range(options.new_tokens):
            logits = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1].float()
            ids = torch.multinomial(torch.softmax(logits, -1), 1)
            tokens.append(ids)
        return torch.cat(tokens, 1).cpu()

    def library():
        return model.generate(
            prompts, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, num_return_sequences=options.samples, max_new_tokens=options.new_tokens,
            min_new_tokens=options.new_tokens, pad_token_id=0, attention_mask=torch.ones_like(prompts)).cpu()

    record = {
        "part": "generate", "who": "pytorch", "device": options.device, "type": kind, "preset": options.preset, "batch": rows,
        "samples_per_prompt": options.samples, "prompt": options.prompt, "new_tokens": options.new_tokens,
    }
    for name, action in (("loop", loop), ("generate", library)):
        timed(options, action)
        times = [timed(options, action)[0] for _ in range(2)]
        seconds = statistics.median(times)
        record[name + "_seconds"] = seconds
        record[name + "_tokens_per_second"] = rows * options.new_tokens / seconds
        if name == "loop":
            record.update(memory(options))
    add(options, record)


def main():
    options = parse()
    start = time.monotonic()
    add(options, {
        "part": "versions", "who": "pytorch", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "cuda": torch.version.cuda,
        "device": torch.cuda.get_device_name() if options.device == "cuda" else platform.processor(), "cudnn": str(torch.backends.cudnn.version()),
    })
    for job, text in [(train, one) for one in options.train.split(",") if one] + [(generate, one) for one in options.generate.split(",") if one]:
        kind, detail = text.split(":")
        if time.monotonic() - start > options.seconds:
            add(options, {"part": job.__name__, "who": "pytorch", "type": kind, "detail": detail, "skipped": f"no time left after {options.seconds:.0f} s"})
            continue
        try:
            job(options, kind, int(detail) if detail.isdigit() else detail)
        except Exception as error:  # pylint: disable=broad-except # one configuration must not hide the others
            traceback.print_exc()
            add(options, {"part": job.__name__, "who": "pytorch", "type": kind, "detail": detail, "error": f"{type(error).__name__}: {error}"[:500]})


if __name__ == "__main__":
    main()
