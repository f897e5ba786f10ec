// Chen et al. 2018: GradNorm, loss weights that make the tasks' gradients comparable.
// "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks". The
// weights follow the norms of the gradients at the last shared layer, here the last one of the
// encoder; alpha 1.5 favours tasks whose loss has fallen less.
// In the paper: depth, segmentation and normals of images; weights at a rate of 0.025 in tens of
// thousands of steps. Here: MSRA entities and SXU words beside Weibo, batches that hold all three,
// 600 steps.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, sxu: 1 }, recipe.hard_sharing {
  loss_weighting: { type: 'gradnorm', alpha: 1.5, lr: 0.025 },
}) + papers.balanced
