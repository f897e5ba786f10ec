// Misra et al. 2016: cross-stitch units combine the towers of the tasks with learned weights.
// "Cross-stitch Networks for Multi-task Learning".
// In the paper: convolutional networks for images, stitched after every layer and started from
// networks trained for one task; SGD, alpha at 100 to 1,000 times the rate of other parameters.
// Here: one BiLSTM for each task over a shared encoder, stitched once; MSRA entities; AdamW, whose
// updates do not shrink with the gradient, so alpha has 10 times the rate.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, { type: 'cross_stitch', same: 0.9 }) + {
  trainer+: { optimizer+: { parameter_groups+: [[['alpha$'], { lr: 1e-2, weight_decay: 0 }]] } },
}
