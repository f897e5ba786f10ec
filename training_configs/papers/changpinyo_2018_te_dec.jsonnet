// Changpinyo et al. 2018 (see changpinyo_2018_multi_dec), TE-Dec: the tasks share a decoder, which reads the embedding
// of the task, 25 numbers, beside every state.
// Theirs: projection and CRF are the decoder's, over the labels of all tasks together. Here: the decoder is a layer of
// 128, and each task has a projection and CRF of its own labels, so that no other task's label can be predicted.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, sxu: 1 }, {
  type: 'hard_sharing',
  towers: {
    shared: { type: 'lstm', hidden_size: 128, bidirectional: true },
    decoder: { type: 'task_embedding', embedding_dim: 25, tower: { type: 'feedforward', feedforward: {
      input_dim: 2 * 128 + 25,
      num_layers: 1,
      hidden_dims: 128,
      activations: 'tanh',
    } } },
  },
  inputs: { decoder: ['shared'] },
  head+: { reads: ['decoder'] },
}) + papers.balanced + papers.decayed_transitions
