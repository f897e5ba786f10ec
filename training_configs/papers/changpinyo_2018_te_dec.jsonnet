// Changpinyo et al. 2018, TE-Dec: all tasks share a decoder that reads a task embedding.
// See changpinyo_2018_multi_dec. The task embedding, of size 25, is concatenated to every state.
// In the paper: projection and CRF are part of the decoder, with the labels of all tasks together.
// Here: the decoder is a layer of size 128, and each task has a projection and CRF of its own, so
// that no label of another task can be predicted.
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
