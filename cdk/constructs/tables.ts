import { RemovalPolicy } from 'aws-cdk-lib'
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import { Construct } from 'constructs'
import { partitionKey, sortKey, ttlAttribute } from '#shared/dynamo/table.ts'
import { type Alerts, fiveMinutes } from './alerts.ts'

export type TablesProps = { readonly retainData: boolean; readonly alerts: Alerts }

/**
 * The control table and the credentials table. They are two tables, so that IAM alone can keep functions away from
 * credentials.
 */
export class Tables extends Construct {
  readonly control: dynamodb.TableV2
  readonly credentials: dynamodb.TableV2

  constructor(scope: Construct, id: string, props: TablesProps) {
    super(scope, id)
    this.control = new dynamodb.TableV2(this, 'Control', { ...tableProps(props), timeToLiveAttribute: ttlAttribute })
    // No time to live: some keys are written only once and must last as long as the link.
    this.credentials = new dynamodb.TableV2(this, 'Credentials', tableProps(props))
    for (const [name, table] of Object.entries({ Control: this.control, Credentials: this.credentials })) {
      props.alerts.add(this, `${name}Throttled`, {
        summary: `DynamoDB throttles the ${name.toLowerCase()} table`,
        runbook: 'table-throttled',
        metric: throttledRequests(table),
        threshold: 10,
      })
    }
  }
}

function throttledRequests(table: dynamodb.TableV2) {
  return table.metricThrottledRequestsForOperations({
    operations: [
      dynamodb.Operation.GET_ITEM,
      dynamodb.Operation.QUERY,
      dynamodb.Operation.PUT_ITEM,
      dynamodb.Operation.UPDATE_ITEM,
      dynamodb.Operation.DELETE_ITEM,
    ],
    period: fiveMinutes,
  })
}

function tableProps({ retainData }: TablesProps): dynamodb.TablePropsV2 {
  return {
    partitionKey: { name: partitionKey, type: dynamodb.AttributeType.STRING },
    sortKey: { name: sortKey, type: dynamodb.AttributeType.STRING },
    billing: dynamodb.Billing.onDemand(),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: retainData,
    removalPolicy: retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  }
}
