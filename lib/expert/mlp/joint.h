#ifndef MELE_EXPERT_MLP_JOINT_H
#define MELE_EXPERT_MLP_JOINT_H

#include "expert/joint.h"

extern const mele_i_joint_kind mele_i_mlp_joint;

#endif
