// The article's adversarial model: shared and private BiLSTMs, adversarial over tasks.
// The BiLSTMs have 100 units. The discriminator of tasks reads the max-pooled states of the shared
// one (dropout 0.2, weight 0.5, reversal 0.001). So only 5e-4 of the discriminator's gradient
// reaches the shared BiLSTM, compared with 0.06 in Cao et al. 2018, which is close to nothing;
// `reversal_health` warns about it.
// For the other settings and the differences see article_mtl_hard; the rate of the logits is 100
// times the encoder's.
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
