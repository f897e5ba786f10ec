// Ma et al. 2018: MMoE, experts that all tasks share, with a gate for each task.
// "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts".
// In the paper: feed-forward experts over features of a user and an item, a further network for
// each task. Here: BiLSTMs of half the usual size, a gate for each character; MSRA entities; heads
// read their mixtures.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, {
  type: 'mmoe',
  num_experts: 4,
  tower: { type: 'lstm', hidden_size: 64, bidirectional: true },
})
