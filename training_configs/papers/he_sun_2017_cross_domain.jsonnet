// He & Sun 2017, cross-domain: MSRA joins Weibo, weighted by similarity.
// "A unified model for cross-domain and semi-supervised named entity recognition in Chinese social
// media". Sentences of MSRA and Weibo train one head; the instance weight of an MSRA sentence is
// its similarity to Weibo.
// In the paper: a BiLSTM trained with a max-margin loss; SGD with a rate of 0.1 times the weight;
// similarity 1 for Weibo sentences; the cosine of mean character vectors was best. O in MSRA counts
// as O, although MSRA does not annotate nominal mentions.
// Here: the vectors are states of the pretrained encoder before training, in which sentences are
// more similar than with word2vec, and therefore centred between both corpora: MSRA's weights are
// 0.39 +- 0.11. The weight multiplies the sentence's loss, of which AdamW mainly uses the direction;
// a CRF likelihood.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, recipe.hard_sharing) + recipe.one_head + papers.by_similarity
