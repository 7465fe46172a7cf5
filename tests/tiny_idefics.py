"""`python -m tests.tiny_idefics FOLDER`: writes a tiny Idefics3 with random weights, which no one need download.

A vision tower (16 tokens per image, between three that mark it), a two-layer Llama, and the bundled model's tokenizer,
made to begin texts with a token, as many do. What it says has no meaning, but depends on every pixel. It is one of the
few families that vLLM and transformers serve without torchvision. A process of its own builds it: torch warns of itself
when imported.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from service.models import bundled

IMAGE_TOKENS: Final = 16 + 3
MARKS: Final = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
EDGE: Final = 112

TEMPLATE: Final = """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content -%}
{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{%- endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

IMAGE_PROCESSOR: Final = {
    "image_processor_type": "Idefics3ImageProcessor",
    "do_image_splitting": False,
    "size": {"longest_edge": EDGE},
    "max_image_size": {"longest_edge": EDGE},
}
PROCESSOR: Final = {"processor_class": "Idefics3Processor", "image_seq_len": 16}


def write(folder: Path) -> Path:
    """Write the model; returns its folder."""
    bundled.prepare(lambda done: None)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    subprocess.run([sys.executable, "-m", "tests.tiny_idefics", str(folder)], check=True, env=environment, timeout=120)
    return folder


def _build(folder: Path) -> None:
    import torch
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer, Idefics3Config, Idefics3ForConditionalGeneration, LlamaConfig

    tokenizer = AutoTokenizer.from_pretrained(bundled.location(os.environ))
    tokenizer.add_special_tokens({"additional_special_tokens": MARKS})
    start = ("<|endoftext|>", tokenizer.convert_tokens_to_ids("<|endoftext|>"))
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<|endoftext|> $A", special_tokens=[start])
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    config = Idefics3Config(
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": EDGE,
            "patch_size": 14,
        },
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,  # 32 a head, the least that vLLM's attention on CPU takes
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            eos_token_id=tokenizer.eos_token_id,
            initializer_range=0.5,
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    model = Idefics3ForConditionalGeneration(config).to(torch.float32)
    with torch.no_grad():
        # As initialised, images would hardly be heard beside words.
        model.model.connector.modality_projection.proj.weight.mul_(30)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(IMAGE_PROCESSOR))
    (folder / "processor_config.json").write_text(json.dumps(PROCESSOR))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    _build(target)
