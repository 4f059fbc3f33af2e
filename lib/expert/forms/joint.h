#ifndef MELE_EXPERT_FORMS_JOINT_H
#define MELE_EXPERT_FORMS_JOINT_H

#include "expert/joint.h"

/* Of kinds whose outputs are linear in x. */
extern const mele_i_joint_kind mele_i_affine_joint;

#endif
