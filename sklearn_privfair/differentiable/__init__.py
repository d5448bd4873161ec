"""Any model as one differentiable torch module, from raw features to logits."""
