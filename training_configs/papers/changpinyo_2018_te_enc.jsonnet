// Changpinyo et al. 2018 (see changpinyo_2018_multi_dec), TE-Enc: a token of the task stands before the characters.
// Theirs: the token is read by the whole encoder. Here: by the shared BiLSTM; the pretrained encoder under it sees the
// text alone. Heads as in changpinyo_2018_te_dec.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, sxu: 1 }, papers.one_tower({
  type: 'task_token',
  tower: { type: 'lstm', hidden_size: 128, bidirectional: true },
})) + papers.balanced + papers.decayed_transitions
