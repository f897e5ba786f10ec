// The article's adversarial model: shared and private BiLSTMs of 100, a discriminator of tasks on the shared one,
// max-pooled, dropout 0.2, weight 0.5, behind a reversal of 0.001: what reaches the shared BiLSTM is 5e-4 of the
// discriminator's gradient, against 0.06 in Cao et al. 2018, so next to nothing. `reversal_health` warns of it.
// Other settings, and what differs here: see article_mtl_hard; logits x 100.
local papers = import '../lib/papers.libsonnet';
papers.config({ sxu: 1 }, {
  type: 'adversarial',
  objectives: [{
    type: 'domain_adversarial',
    discriminates: 'task',
    weight: 0.5,
    pooling: 'max',
    dropout: 0.2,
    reversal: { type: 'constant', scale: 0.001 },
  }],
}) + papers.article(logits=100, units=100) + papers.reversal_health
