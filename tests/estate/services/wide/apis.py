"""REST, HTTP and WebSocket APIs, and Step Functions state machines."""
import json

from ..cloud import pairs


def build(scope):
    _rest(scope)
    _http(scope)
    _state_machines(scope)


def _rest(scope):
    """An API with a resource for carts; a sloppy account asks nobody who they are."""
    apis, sloppy = scope.client("apigateway"), scope.within("dev")
    api = apis.create_rest_api(
        name="shop", description="the shop's API", version="1", apiKeySource="HEADER", minimumCompressionSize=1024,
        endpointConfiguration={"types": ["REGIONAL"]}, disableExecuteApiEndpoint=not sloppy,
        tags=scope.tags("shop-api"))
    root = apis.get_resources(restApiId=api["id"])["items"][0]["id"]
    carts = apis.create_resource(restApiId=api["id"], parentId=root, pathPart="carts")["id"]
    for resource, method, kind in ((root, "GET", "AWS_IAM"), (carts, "POST", "NONE" if sloppy else "AWS_IAM")):
        apis.put_method(restApiId=api["id"], resourceId=resource, httpMethod=method, authorizationType=kind,
                        apiKeyRequired=False)
    scope.flag(f"arn:aws:apigateway:{scope.region}::/restapis/{api['id']}/resources/{carts}", {
        "aws-apigateway-resource-methods-authorized": sloppy})
    apis.create_rest_api(name="partners")


def _http(scope):
    apis = scope.client("apigatewayv2")
    apis.create_api(Name="catalog", ProtocolType="HTTP", Description="read only", Tags=scope.tags("catalog"),
                    CorsConfiguration={"AllowOrigins": ["https://shop.example.org"], "AllowMethods": ["GET"],
                                       "AllowHeaders": ["accept"], "AllowCredentials": False})
    apis.create_api(Name="live", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")


def _state_machines(scope):
    machines, good = scope.client("stepfunctions"), scope.within("prod")
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    logs = f"arn:aws:logs:{scope.region}:{scope.account.id}:log-group:/shop/machines:*"
    logging = {"level": "ALL", "includeExecutionData": False, "destinations": [
        {"cloudWatchLogsLogGroup": {"logGroupArn": logs}}]} if good else {"level": "OFF"}
    machine = machines.create_state_machine(
        name="checkout", definition=definition, type="STANDARD",
        roleArn=f"arn:aws:iam::{scope.account.id}:role/machines", loggingConfiguration=logging,
        tracingConfiguration={"enabled": good}, tags=pairs(scope.tags("checkout"), "key", "value"))["stateMachineArn"]
    scope.flag(machine, {"aws-stepfunctions-state-machine-logged": not good})
