// Cao et al. 2018: shared and private BiLSTMs with self-attention, adversarial over tasks.
// "Adversarial transfer learning for Chinese named entity recognition with self-attention
// mechanism". The BiLSTMs have 120 units; the self-attention on each has eight heads. A
// discriminator of tasks reads the max-pooled states of the shared one through a gradient reversal
// of 1; its loss has weight 0.06; batches of one task alternate.
// In the paper: MSR words, Adam, pretrained character embeddings. The authors' code adds the states
// of the BiLSTM to the attention output and normalises, and has a tanh layer before each CRF.
// Here: SXU words, AdamW, attention without residual, and a pretrained encoder, which is also
// shared and also receives the discriminator's gradient.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ sxu: 1 }, {
  type: 'adversarial',
  tower: { type: 'self_attention', num_heads: 8, tower: { type: 'lstm', hidden_size: 120, bidirectional: true } },
  objectives: [{
    type: 'domain_adversarial',
    discriminates: 'task',
    weight: 0.06,
    pooling: 'max',
    reversal: { type: 'constant', scale: 1.0 },
  }],
}) + papers.alternating + papers.reversal_health
