// Changpinyo et al. 2018, "Multi-task learning for sequence tagging: an empirical study", Multi-Dec: one BiRNN for all
// tasks, and a projection and CRF for each.
// Theirs: eleven English tasks, GRUs over words and characters; batches balanced between tasks; Adam; gradients cut
// to 5; L2 of 0.01 on the transitions; no auxiliary task raised entities over 88.24 of the single task.
// Here: Weibo, MSRA and SXU's words; a pretrained encoder; the L2 is AdamW's weight decay.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, sxu: 1 }, papers.one_tower()) + papers.balanced + papers.decayed_transitions
