// Liu et al. 2019: dynamic weight average, more weight for tasks whose loss falls more slowly.
// "End-to-End Multi-Task Learning with Attention". The weights are a softmax, at temperature 2, of
// the ratio of each task's losses in the two epochs before.
// In the paper: segmentation, depth and normals of images, with a network of attention modules.
// Here: hard sharing; MSRA entities and SXU words beside Weibo. The weights change after the second
// of ten epochs, of 60 steps each.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, sxu: 1 }, recipe.hard_sharing {
  loss_weighting: { type: 'dwa', temperature: 2.0 },
})
