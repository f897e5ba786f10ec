// Peng & Dredze 2016, "Improving named entity recognition for Chinese social media with word segmentation
// representation learning": an LSTM learns to segment, and a CRF for entities reads its states beside the characters'
// embeddings.
// Theirs: MSR for words; every epoch draws as many of its sentences as Weibo has, which they found to matter; batches of one
// task in turn; the loss of words weighs 0.5 to 1; SGD, its rate halved after five flat epochs.
// Here: a pretrained encoder in place of embeddings, SXU for words, AdamW. An epoch is two passes of Weibo's size, so
// that the number of steps is near that of the other recipes (595).
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ sxu: 1 }, recipe.asymmetric('weibo', ['sxu']) + {
  towers: { weibo: { type: 'pass_through' } },
  heads: { sxu: { type: 'crf', weight: 0.5, normalize_by: 'sentences' } },
}) + papers.alternating + {
  data_loader+: { sampler: { type: 'subsample_to_smallest' } },
  trainer+: { num_epochs: 7 },
}
