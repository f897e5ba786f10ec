// Changpinyo et al. 2018, Multi-Dec: one BiRNN for all tasks, a projection and CRF per task.
// "Multi-task learning for sequence tagging: an empirical study".
// In the paper: eleven English tasks, GRUs over words and characters, batches balanced between
// tasks, Adam, gradients clipped to 5, L2 of 0.01 on the transitions; no auxiliary task raised the
// F1 of entities over the 88.24 of the single task.
// Here: Weibo, MSRA and SXU words; a pretrained encoder; AdamW's weight decay instead of L2.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, sxu: 1 }, papers.one_tower()) + papers.balanced + papers.decayed_transitions
