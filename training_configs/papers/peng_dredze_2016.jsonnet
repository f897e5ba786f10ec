// Peng & Dredze 2016: a CRF for entities reads the states of an LSTM for segmentation.
// "Improving named entity recognition for Chinese social media with word segmentation
// representation learning". The CRF also reads the embeddings of the characters.
// In the paper: MSR words, of which every epoch samples as many sentences as Weibo has, which
// mattered; batches of one task alternate; the loss of segmentation has weight 0.5 to 1; SGD, with
// the rate halved after five epochs without improvement.
// Here: a pretrained encoder instead of embeddings, SXU words, AdamW. An epoch has two passes of
// Weibo's size, so that the number of steps (574) is close to that of the other recipes.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ sxu: 1 }, recipe.asymmetric('weibo', ['sxu']) + {
  towers: { weibo: { type: 'pass_through' } },
  heads: { sxu: { type: 'crf', weight: 0.5, normalize_by: 'sentences' } },
}) + papers.alternating + {
  data_loader+: { sampler: { type: 'subsample_to_smallest' } },
  trainer+: { num_epochs: 7 },
}
