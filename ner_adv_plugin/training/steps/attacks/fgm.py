"""Fast gradient method."""

from ner_adv_plugin.training.steps.attacks.attack import Attack, Norm


@Attack.register("fgm")
class FastGradientMethod(Attack):
    """Perturb embeddings by one step along the gradient, of norm `epsilon`.

    Registered as "fgm". For gradient g the perturbation is epsilon g / ||g|| with norm "l2"
    (Miyato et al. 2017) and epsilon sign(g) with "linf" (Goodfellow et al. 2015).

    # Parameters

    epsilon, norm, relative : see `Attack`.

    # Example

    ```jsonnet
    { type: 'fgm', epsilon: 0.2, relative: true }
    ```

    # Examples

    >>> import torch
    >>> attack = FastGradientMethod(epsilon=1.0)
    >>> attack.move(torch.zeros(1, 1, 2), torch.tensor([[[3.0, 4.0]]]))
    tensor([[[0.6000, 0.8000]]])
    """

    def __init__(self, epsilon: float = 1.0, norm: Norm = "l2", relative: bool = False) -> None:
        super().__init__(epsilon, norm, steps=1, step_size=epsilon, relative=relative)
