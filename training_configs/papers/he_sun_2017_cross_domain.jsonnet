// He & Sun 2017, "A unified model for cross-domain and semi-supervised named entity recognition in Chinese social
// media", cross-domain: sentences of MSRA join those of Weibo on one head, each teaching as much as it is like Weibo.
// Theirs: a BiLSTM trained for a large margin, SGD of 0.1 x the weight; likeness 1 of its own sentences; the cosine of mean
// character vectors was best. MSRA's O counts as O, though it marks no nominals.
// Here: the vectors are states of the pretrained encoder before training, under which sentences are more alike than under
// word2vec; the weight multiplies the sentence's loss, which AdamW takes as a direction; a CRF's likelihood.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, recipe.hard_sharing) + recipe.one_head + papers.by_similarity
