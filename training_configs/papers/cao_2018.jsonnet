// Cao et al. 2018, "Adversarial transfer learning for Chinese named entity recognition with self-attention mechanism":
// shared and private BiLSTMs of 120, each under self-attention of eight heads; a discriminator of tasks reads the
// shared one, max-pooled, through a gradient reversal of 1; its loss weighs 0.06; batches of one task in turn.
// Theirs: MSR for words, Adam, pretrained character embeddings; their code adds the BiLSTM's states to what is attended
// to and normalises, and has a tanh layer before each CRF. Here: SXU, AdamW, a pretrained encoder that is shared, too,
// and hears the discriminator; attention alone.
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
