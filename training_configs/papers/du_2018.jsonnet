// Du et al. 2018: the gradient of an auxiliary task, weighted by its cosine with the target's.
// "Adapting Auxiliary Losses Using Gradient Similarity". The parameters that both tasks share get
// the target's gradient plus max(0, cosine) times the auxiliary one: where the two disagree, the
// auxiliary task does not count.
// In the paper: pairs of image classes, and reinforcement learning. Here: MSRA entities are the
// auxiliary task; the shared parameters are those of the encoder. A step has one backward pass for
// each task.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, recipe.hard_sharing) + {
  trainer+: { step: { type: 'anchored', target: 'weibo', rule: 'weighted' } },
}
