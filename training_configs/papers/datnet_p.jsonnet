// Zhou et al. 2019, DATNet-P: shared and private BiLSTMs, GRAD discriminator, perturbation.
// See datnet_f. The discriminator reads the shared BiLSTM; in the authors' code it reads both.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, { type: 'adversarial', objectives: papers.datnet_objectives })
+ papers.datnet_step + papers.reversal_health
