// Zhou et al. 2019 (see datnet_f), DATNet-P: shared and private BiLSTMs, the discriminator on the shared one (in their
// code on both).
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, { type: 'adversarial', objectives: papers.datnet_objectives })
+ papers.datnet_step + papers.reversal_health
