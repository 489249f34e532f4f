"""A Qwen2-style decoder as one writes it in PyTorch: modules, autograd, torch.optim. No trick beyond what tutorials show.

Shapes and arithmetic are those of Hugging Face's modelling code: RMSNorm, grouped-query attention with bias on q, k and v,
rotary embedding, SwiGLU, softmax in float32, tied output matrix.
"""
import json
import math
import struct

import torch
from torch import nn
from torch.nn import functional as F


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.heads, self.key_heads = shape["num_attention_heads"], shape["num_key_value_heads"]
        self.size = shape["head_dim"]
        hidden = shape["hidden_size"]
        self.q_proj = nn.Linear(hidden, self.heads * self.size, bias=True)
        self.k_proj = nn.Linear(hidden, self.key_heads * self.size, bias=True)
        self.v_proj = nn.Linear(hidden, self.key_heads * self.size, bias=True)
        self.o_proj = nn.Linear(self.heads * self.size, hidden, bias=False)

    def forward(self, x, cosine, sine, mask, cache):
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, self.heads, self.size).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, self.key_heads, self.size).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, self.key_heads, self.size).transpose(1, 2)
        q = q * cosine + rotate_half(q) * sine
        k = k * cosine + rotate_half(k) * sine
        if cache is not None:
            if cache:
                k, v = torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)
            cache[:] = [k, v]
        k = k.repeat_interleave(self.heads // self.key_heads, 1)
        v = v.repeat_interleave(self.heads // self.key_heads, 1)
        scores = q @ k.transpose(2, 3) / math.sqrt(self.size) + mask
        attended = torch.softmax(scores, -1) @ v
        return self.o_proj(attended.transpose(1, 2).reshape(batch, length, -1))


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        hidden, inner, eps = shape["hidden_size"], shape["intermediate_size"], shape["rms_norm_eps"]
        self.input_layernorm = RMSNorm(hidden, eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(hidden, eps)
        self.mlp = nn.ModuleDict({"gate_proj": nn.Linear(hidden, inner, bias=False), "up_proj": nn.Linear(hidden, inner, bias=False), "down_proj": nn.Linear(inner, hidden, bias=False)})

    def forward(self, x, cosine, sine, mask, cache):
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine, mask, cache)
        y = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](y)) * self.mlp["up_proj"](y))


class Decoder(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape["vocab_size"], shape["hidden_size"])
        self.layers = nn.ModuleList([Block(shape) for _ in range(shape["num_hidden_layers"])])
        self.norm = RMSNorm(shape["hidden_size"], shape["rms_norm_eps"])
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif not name.endswith("norm.weight"):
                nn.init.normal_(parameter, 0, 0.02)

    def hidden(self, ids, positions, mask, caches=None):
        size = self.shape["head_dim"]
        frequencies = 1.0 / (self.shape["rope_theta"] ** (torch.arange(0, size, 2).float() / size))
        angles = positions[..., None].float() * frequencies
        angles = torch.cat((angles, angles), -1)[:, None]
        cosine, sine = angles.cos(), angles.sin()
        x = self.embed_tokens(ids)
        for i, layer in enumerate(self.layers):
            x = layer(x, cosine, sine, mask, None if caches is None else caches[i])
        return self.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.embed_tokens.weight)

    def sequences(self, ids):
        """Final hidden states of right-padded sequences."""
        length = ids.shape[1]
        mask = torch.full((length, length), torch.finfo(torch.float32).min).triu(1)
        return self.hidden(ids, torch.arange(length)[None], mask)

    def log_probabilities(self, ids, prompt_lengths, response_lengths):
        """Of the response tokens of right-padded sequences, and their mask, [batch, length - 1]."""
        logits = self.logits(self.sequences(ids[:, :-1]))
        chosen = torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None])[..., 0]
        places = torch.arange(ids.shape[1] - 1)[None]
        return chosen, ((places >= prompt_lengths[:, None] - 1) & (places < (prompt_lengths + response_lengths)[:, None] - 1)).float()

    @torch.no_grad()
    def generate(self, ids, lengths, new_tokens, stop):
        """Samples from left-padded prompts [batch, width] until all have stopped: a cache that grows by cat, softmax, multinomial."""
        batch, width = ids.shape
        low = torch.finfo(torch.float32).min
        valid = torch.arange(width)[None] >= width - lengths[:, None]
        positions = (torch.arange(width)[None] - (width - lengths)[:, None]).clamp(min=0)
        causal = torch.full((width, width), low).triu(1)
        padding = torch.where(valid, 0.0, low)[:, None, None]
        caches = [[] for _ in self.layers]
        hidden = self.hidden(ids, positions, (causal + padding).clamp(min=low), caches)[:, -1:]
        tokens, done = [], torch.zeros(batch, dtype=torch.bool)
        for i in range(new_tokens):
            probabilities = torch.softmax(self.logits(hidden)[:, -1], -1)
            token = torch.multinomial(probabilities, 1)
            tokens.append(token)
            if stop is not None:
                done |= token[:, 0] == stop
                if done.all():
                    break
            if i + 1 < new_tokens:
                valid = torch.cat((valid, torch.ones(batch, 1, dtype=torch.bool)), 1)
                hidden = self.hidden(token, (lengths + i)[:, None], torch.where(valid, 0.0, low)[:, None, None], caches)
        return torch.cat(tokens, 1)

    def load(self, path):
        """Weights from a safetensors file of float32."""
        with open(path, "rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(size))
            data = bytearray(file.read())
        own = dict(self.named_parameters())
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            assert entry["dtype"] == "F32", entry
            first, last = entry["data_offsets"]
            values = torch.frombuffer(data, dtype=torch.float32, offset=first, count=(last - first) // 4).view(entry["shape"])
            with torch.no_grad():
                own[name.removeprefix("model.")].copy_(values)
