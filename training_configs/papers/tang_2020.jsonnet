// Tang et al. 2020: PLE, experts of each task beside shared ones, in two levels.
// "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for Personalized
// Recommendations".
// In the paper: feed-forward experts over features of a user and a video. Here: BiLSTMs of half the
// usual size, a gate for each character; MSRA entities. Two levels of fresh BiLSTMs learn slowly:
// with `num_levels: 1` (CGC) Weibo gains 4.3 points (studies/ple_levels.jsonnet).
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, {
  type: 'ple',
  num_levels: 2,
  num_experts: 1,
  num_shared_experts: 1,
  tower: { type: 'lstm', hidden_size: 64, bidirectional: true },
})
