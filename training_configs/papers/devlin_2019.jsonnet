// Devlin et al. 2019: a masked language model, here as a task beside the target.
// "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding". Of the masked
// characters, 80 % become the mask token, 10 % a random one, 10 % stay; the output layer shares the
// embeddings.
// In the paper: the first task of the encoder, with pairs of sentences. Here: reviews, one sentence
// for each of Weibo, in the same batches; characters, not words (Cui et al. 2021: `segmenter:
// 'jieba'`). First the text and then the entities: real/weibo_raw_text.jsonnet.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ reviews: 1 }, recipe.hard_sharing {
  heads: { reviews: { type: 'masked_lm', segmenter: 'characters', probability: 0.15 } },
}) + { dataset_reader+: { readers+: { reviews+: { head: 'reviews' } } } }
