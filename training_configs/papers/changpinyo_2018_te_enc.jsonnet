// Changpinyo et al. 2018, TE-Enc: a task token precedes the characters.
// See changpinyo_2018_multi_dec. In the paper, the whole encoder reads the token. Here, the shared
// BiLSTM reads it, while the pretrained encoder reads the text alone. Heads as in
// changpinyo_2018_te_dec.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, sxu: 1 }, papers.one_tower({
  type: 'task_token',
  tower: { type: 'lstm', hidden_size: 128, bidirectional: true },
})) + papers.balanced + papers.decayed_transitions
