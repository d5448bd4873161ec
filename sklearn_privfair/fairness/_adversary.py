"""The adversary: it guesses sensitive features from what the predictor says.

Zhang, Lemoine & Mitchell (2018), "Mitigating unwanted biases with adversarial learning", AIES:
section 4, the input; section 3, which labels it sees for which notion of fairness.
"""

import torch
from torch import nn
from torch.nn import functional


class Adversary(nn.Module):
    """Guess sensitive features from predictions, and for equalized odds from the label too.

    Parameters
    ----------
    n_outputs : int
        Of the predictor: 1 for two classes, or a number; else one a class.
    n_classes : int or None
        None: the predictor gives a number, and labels are numbers.
    sees_label : bool
        Whether it gets the label beside the prediction.
    width : int
        How many outputs it has.
    body : sequence of int or callable, default=()
        Units of its hidden layers; none: it is linear, as in the paper. Or what makes a module of
        ``(n_inputs, n_outputs)``.
    """

    def __init__(self, n_outputs, n_classes, sees_label, width, body=()):
        super().__init__()
        self.n_classes, self.sees_label = n_classes, sees_label
        # the slope of |c| at 0 is 0: from there it would never move
        self.sharpness = nn.Parameter(torch.ones(()), requires_grad=n_classes is not None)
        n_labels = 0 if not sees_label else 1 if n_classes is None else n_classes
        n_inputs = n_outputs * (1 + n_labels) + n_labels
        if callable(body):
            self.guess = body(n_inputs, width)
            return
        layers: list[nn.Module] = []
        for n_units in body:
            layers += [nn.Linear(n_inputs, n_units), nn.ReLU()]
            n_inputs = n_units
        self.guess = nn.Sequential(*layers, nn.Linear(n_inputs, width))

    def forward(self, answer, label):
        """Guess.

        Parameters
        ----------
        answer : torch.Tensor of shape (n, n_outputs)
            Logits, or numbers.
        label : torch.Tensor of shape (n,)
            Codes of classes, or numbers.

        Returns
        -------
        guess : torch.Tensor of shape (n, width)
        """
        return self.guess(self.inputs(answer, label))

    def inputs(self, answer, label):
        """Give what it sees: s; for equalized odds s, s times each label, and the labels.

        The paper's are s, s y and s (1 - y). With the label itself the adversary has an intercept
        for each class, and sees a gap in one class whichever way it goes in the other.
        """
        seen = self.score(answer)
        if not self.sees_label:
            return seen
        if self.n_classes is None:
            shown = label.reshape(-1, 1).to(seen.dtype)
        else:
            shown = functional.one_hot(label.long(), self.n_classes).to(seen.dtype)
        products = (seen[:, :, None] * shown[:, None, :]).flatten(1)
        return torch.cat([seen, products, shown], dim=1)

    def score(self, answer):
        """Give the paper's s, sigmoid((1 + |c|) logit): the sharper, the nearer to the decision."""
        if self.n_classes is None:
            return answer
        sharp = (1 + self.sharpness.abs()) * answer
        return sharp.sigmoid() if answer.shape[1] == 1 else sharp.softmax(1)


def guess_loss(guess, values, groups, cells, weight):
    """Give the adversary's loss for one sensitive feature, each cell of rows counting alike.

    Parameters
    ----------
    guess : torch.Tensor of shape (n, width)
    values : torch.Tensor of shape (n,)
        Codes of groups, or numbers.
    groups : list or None
        None: numbers, and the loss is the squared error.
    cells : torch.Tensor of shape (n,) and dtype int64, or None
        Which rows weigh one together, such as those of a group; None: each row weighs alike.
    weight : torch.Tensor of shape (n,) or None
        Of the rows.

    Returns
    -------
    loss : torch.Tensor of shape ()
    """
    if groups is None:
        losses = (guess[:, 0] - values.to(guess.dtype)).square()
    elif len(groups) == 2:
        losses = functional.binary_cross_entropy_with_logits(
            guess[:, 0], values.to(guess.dtype), reduction="none"
        )
    else:
        losses = functional.cross_entropy(guess, values, reduction="none")
    weight = torch.ones_like(losses) if weight is None else weight.to(losses.dtype)
    if cells is None:
        return (losses * weight).sum() / weight.sum().clamp_min(1e-12)
    size = torch.zeros(int(cells.max()) + 1, dtype=losses.dtype, device=losses.device)
    size = size.index_add(0, cells, weight)
    share = weight / size.clamp_min(1e-12)[cells]
    return (losses * share).sum() / (size > 0).sum()
