/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libtrust: who may speak to an MQTT gateway. The one public header: plugin/
 * and cli/ include this and nothing else of policy/.
 */
#ifndef TRUST_H
#define TRUST_H

#include "admission.h"
#include "ahead.h"
#include "anchor.h"
#include "certificate.h"
#include "chain.h"
#include "chain_anchor.h"
#include "clock.h"
#include "decide.h"
#include "enroll.h"
#include "enroll_request.h"
#include "enroll_response.h"
#include "envelope.h"
#include "err.h"
#include "explain.h"
#include "gate.h"
#include "gate_enroll.h"
#include "ground.h"
#include "identity.h"
#include "json.h"
#include "limit.h"
#include "log.h"
#include "profile.h"
#include "publication.h"
#include "publication_upkeep.h"
#include "reason.h"
#include "record.h"
#include "registry.h"
#include "replica.h"
#include "role.h"
#include "signer.h"
#include "span.h"
#include "statement.h"
#include "steps.h"
#include "thumbprint.h"
#include "token.h"
#include "topic.h"
#include "user.h"
#include "version.h"

#endif
