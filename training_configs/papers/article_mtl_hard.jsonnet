// The article's multi-task model, hard sharing: the encoder is shared, each task has a BiLSTM of 128 and a CRF.
// Its settings: encoder at 5e-6, LSTM x 100, logits and CRF x 500, decay 0.01, gradients cut to 1, warm-up 0.1, dropout
// 0.1 on embeddings and 0.2 on LSTMs, sentences of both tasks in turn, batches of 32.
// Its faults are not repeated: towers and CRFs ran over padding and over each other's sentences, and losses were divided by
// sentences of all tasks together. Sentences are not cut at 150 characters, and are shuffled over the whole corpus.
// Here: Weibo and SXU's words, and 600 steps in place of 50 epochs, which these rates were made for: try more of them
// (`-o '{"trainer.num_epochs": 50}'`).
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ sxu: 1 }, recipe.hard_sharing) + papers.article(logits=500, units=128)
