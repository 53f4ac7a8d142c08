#pragma once

// What becomes of the TLS handshake of a connection, as far as its question says who the client is.

#include "source/explain/answer.h"
#include "source/explain/connection.h"
#include "source/explain/question.h"

namespace pillion::explain {

// Whether clients are asked for certificates, so that their names count. Of a connection whose filter chain is known.
bool AsksForCertificate(const Connection& connection);

// Sets the connection's `end` where client and filter chain would not understand each other, or the client be refused.
void DescribeHandshake(const Question& question, Connection& connection, Answer& answer);

}  // namespace pillion::explain
