// Cao et al. 2018: shared and private BiLSTMs with self-attention, adversarial over tasks.
// "Adversarial transfer learning for Chinese named entity recognition with self-attention
// mechanism". The BiLSTMs have 120 units; the self-attention on each has eight heads. A
// discriminator of tasks reads the max-pooled states of the shared one through a gradient reversal
// of 1; its loss has weight 0.06; batches of one task alternate.
// As in the authors' published code, the attention has ReLU on queries, keys and values, adds the
// states of the BiLSTM and normalises, and a tanh layer of 120 units precedes each CRF.
// In the paper: MSR words, Adam, pretrained character embeddings; in the code 140 epochs of batches
// of 20. Here: SXU words, AdamW, 600 steps, and a pretrained encoder, which is also shared and also
// receives the discriminator's gradient.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
local units = 120;
local hidden = { type: 'feedforward', feedforward: {
  input_dim: 4 * units,
  num_layers: 1,
  hidden_dims: units,
  activations: 'tanh',
} };
papers.config({ sxu: 1 }, {
  local model = self,
  type: 'adversarial',
  tower: {
    type: 'self_attention',
    num_heads: 8,
    activation: 'relu',
    residual: true,
    layer_norm: true,
    tower: { type: 'lstm', hidden_size: units, bidirectional: true },
  },
  towers: { weibo_hidden: hidden, sxu_hidden: hidden },
  inputs: { weibo_hidden: ['shared', 'weibo'], sxu_hidden: ['shared', 'sxu'] },
  heads: { [name]: model.head { reads: [name + '_hidden'] } for name in ['weibo', 'sxu'] },
  objectives: [{
    type: 'domain_adversarial',
    discriminates: 'task',
    weight: 0.06,
    pooling: 'max',
    reversal: { type: 'constant', scale: 1.0 },
  }],
}) + papers.alternating + papers.reversal_health
